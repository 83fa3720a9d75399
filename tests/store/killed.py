"""What the kill tests run and kill: a process that writes a store as fast as it can.

    python -m tests.store.killed append FOLDER LAST LIFE     batches, merges, checkpoints up to LAST
    python -m tests.store.killed ingest FOLDER               all raw artifacts

It says `ready` when its store is open and `done` when it has come to its end.
"""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.store import tiny
from tests.store.conftest import NOON, made_events, made_quarantine

from boxwatch.detections.detection import Severity
from boxwatch.events.schema import Events
from boxwatch.incidents.incident import Incident, State
from boxwatch.store import EventStore, Reading, StateStore, ingest

EVERY = 7  # batches between two checkpoints, and between two quarantined records


def say(word: str) -> None:
    """Tell the test that waits."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def batch_of(number: int, life: int = 0) -> Events:
    """The batch that follows from its number; every fifth is empty.

    Each life of the process has other hosts, so that parts left by the life before are not
    overwritten by chance.
    """
    rows = 0 if number % 5 == 0 else 6
    hosts = (f"a{life % 2}", f"b{life % 2}")
    events = made_events(number, hosts=hosts, rows=rows, days=number // 200)
    return replace(events, quarantined=made_quarantine(int(number % EVERY == 0), str(number)))


def weight(events: Events) -> int:
    """What the pipeline of this test knows of a batch."""
    return int(events.logs["event_id"].sum())


def incident_of(seq: int, total: int) -> Incident:
    """The incident that the pipeline sees after batch `seq`."""
    at = NOON + timedelta(seconds=seq)
    return Incident(str(seq), "a", "host", at, at, State.OPEN, Severity.LOW, str(total), (), "", ())


def append(folder: Path, last: int, life: int) -> None:
    """Go on from the last checkpoint and the last batch, as the live loop does."""
    with EventStore.open(folder, writable=True) as store, StateStore.open(folder) as state:
        say("ready")
        saved = state.load_checkpoint()
        seq, total = (0, 0) if saved is None else (saved.seq, int(saved.stages["total"]))

        def process(number: int, events: Events) -> None:
            nonlocal total
            total += weight(events)
            if number % EVERY == 0:
                found = [incident_of(number, total)]
                state.checkpoint(number, {"total": str(total).encode()}, found)

        for batch in store.batches(seq):
            process(batch.seq, batch.events)
        while (seq := store.head().seq) < last:
            position = store.head().positions.get("made", {"next": 1})["next"]
            events = batch_of(position, life)
            now = NOON + timedelta(seconds=position)
            seq = store.append(events, now, {"made": {"next": position + 1}})
            process(seq, events)
            store.compact(0.0)


if __name__ == "__main__":
    root = Path(sys.argv[2])
    if sys.argv[1] == "append":
        append(root, int(sys.argv[3]), int(sys.argv[4]))
    else:
        with EventStore.open(root, writable=True) as opened:
            say("ready")
            ingest(opened, root / "ingested", Reading(tiny.normalise, chunk_bytes=8_000))
    say("done")
