"""Raw artifacts into the event store: the engine of `boxwatch normalize`.

All kinds advance together in time: a batch holds what every kind has up to one instant, so a
pipeline that reads the batches sees the past as it was. With artifacts that rotate together a
batch is one rotation; larger ones are cut at the earliest instant at which some kind's share of
the batch ends.

Killed at any instant, the next run goes on after the last committed batch: the offsets are part of
the batch's commit, under the position `ingest`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from boxwatch.events.schema import Events, concat
from boxwatch.store.event_store import EventStore
from boxwatch.store.raw_files import RawFile
from boxwatch.store.raw_found import MARKS, POSITION, Found
from boxwatch.store.raw_streams import RawStream, Reading, last_time
from boxwatch.store.repeats import Repeats

_LARGEST_KEPT: Final = 32 * 2**20 - 8192


@dataclass(frozen=True, slots=True)
class Progress:
    """What is done: bytes of all artifacts, of these taken so far; and what this run added.

    `quarantined` counts by kind. `repeated` lines were stored before and left out.
    `skipped` are files that were not read, with the reason; `waiting` files that end in half a
    line, which may still be being written.
    """

    bytes_total: int = 0
    bytes_done: int = 0
    batches: int = 0
    rows: int = 0
    repeated: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def ingest(
    store: EventStore,
    root: Path,
    reading: Reading,
    progress: Callable[[int, int], None] | None = None,
) -> Progress:
    """Append what the artifacts below `root` hold and the store does not yet.

    `progress` is called after every batch with the bytes done and the bytes in all.

    Raises:
        StoreFull: no room; run it again once there is.

    """
    _keep_blocks()
    found = Found(store, root)
    repeats = Repeats(store)
    batches = rows = 0
    quarantined: Counter[str] = Counter()
    taken: Mapping[str, int] = dict(found.taken)
    with closing(_ahead(_batches(found, reading))) as upcoming:
        for batch in upcoming:
            events = repeats.without(batch.events)
            found.mark({name: n for name, n in batch.taken.items() if taken.get(name) != n})
            taken = batch.taken
            positions = {**found.positions, POSITION: taken, MARKS: dict(found.marks)}
            store.append(events, batch.now, positions)
            batches += 1
            rows += events.rows
            quarantined.update(events.quarantined["kind"])
            if progress is not None:
                progress(found.done(taken), found.total)
    return Progress(
        bytes_total=found.total,
        bytes_done=found.done(taken),
        batches=batches,
        rows=rows,
        repeated=repeats.found,
        quarantined=dict(quarantined),
        skipped=tuple(found.skipped),
        waiting=found.waiting(taken),
    )


def _keep_blocks() -> None:
    """Let blocks of the size of a chunk be kept for the next one, once they are free.

    glibc keeps blocks up to the size of the largest one that it gave back to the system before,
    and gives back twice as much at once only: without this, a fifth of the kernel's time is spent
    on the same memory again and again.
    """
    bytearray(_LARGEST_KEPT)


class _Batch(NamedTuple):
    """What all kinds have up to one instant; `taken` is where that ends, by file."""

    events: Events
    now: datetime
    taken: Mapping[str, int]


def _batches(found: Found, reading: Reading) -> Generator[_Batch, None, None]:
    taken = dict(found.taken)
    now = found.now
    with ExitStack() as stack:
        streams = _streams(found.readable, taken, reading)
        for stream in streams:
            stack.callback(stream.close)
        while active := [stream for stream in streams if stream.remaining > 0]:
            events, now = _batch(active, reading.chunk_bytes, now)
            yield _Batch(events, now, dict(taken))


def _ahead(batches: Generator[_Batch, None, None]) -> Generator[_Batch, None, None]:
    """`batches`, each made while the one before is stored: much of that is waiting for disks."""
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        upcoming = reader.submit(next, batches, None)
        try:
            while (batch := upcoming.result()) is not None:
                upcoming = reader.submit(next, batches, None)
                yield batch
        finally:
            reader.submit(batches.close)


def _batch(active: list[RawStream], chunk_bytes: int, now: datetime) -> tuple[Events, datetime]:
    """The next batch over all kinds, and the latest time seen so far."""
    remaining = sum(stream.remaining for stream in active)
    scale = min(1.0, chunk_bytes / remaining)
    cuts = [stream.cut(int(stream.remaining * scale)) for stream in active]
    limits = [stream.time_after(cut) for stream, cut in zip(active, cuts, strict=True)]
    known = [limit for limit in limits if limit is not None]
    instant = min(known) if known else None
    if instant is not None and len(active) > 1:
        places = [stream.before(instant, cut) for stream, cut in zip(active, cuts, strict=True)]
        if all(place == stream.start for stream, place in zip(active, places, strict=True)):
            # Times that go backwards: the kind that sets the limit moves on regardless.
            places = [
                cut if limit == instant else place
                for place, cut, limit in zip(places, cuts, limits, strict=True)
            ]
        cuts = places
    parts = [
        stream.take(cut) for stream, cut in zip(active, cuts, strict=True) if cut > stream.start
    ]
    events = concat(parts)
    latest = last_time(events)
    if latest is not None:
        # One wrong clock must not carry the whole recording into the future.
        latest = latest if instant is None else min(latest, instant)
        now = max(now, latest)
    return events, now


def _streams(files: list[RawFile], taken: dict[str, int], reading: Reading) -> list[RawStream]:
    by_kind: dict[str, list[RawFile]] = {}
    for file in files:
        by_kind.setdefault(file.kind, []).append(file)
    return [RawStream(group, taken, reading) for group in by_kind.values()]
