"""Three quarters of an hour of two simulated boxes, a fault on each, cut into turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from boxwatch.events import normalise
from boxwatch.events.schema import Events
from boxwatch.incidents import Incident
from boxwatch.live import Pipeline
from boxwatch.sources.simulated import Truth, simulate
from boxwatch.store import EventStore, Reading, ingest

HOURS = 0.75
FAULTS = {"simbox": "cpu_storm", "otherbox": "gpu_off_bus"}
Turns = list[tuple[Events, datetime]]


@dataclass(frozen=True)
class Recording:
    """What both boxes recorded, in order of time, and what was broken in them."""

    truths: tuple[Truth, ...]
    events: Events

    def turns(self, every_s: float, until_s: float = HOURS * 3600 + 300) -> Turns:
        """Turns of `every_s`, each with the instant at which its reading ended.

        After the last record come empty turns, so that everything has time to end.
        """
        turns = []
        start = self.truths[0].start
        for number in range(int(until_s // every_s)):
            low = start + timedelta(seconds=every_s * number)
            high = low + timedelta(seconds=every_s)
            mine = (pl.col("time") >= low) & (pl.col("time") < high)
            logs, samples = self.events.logs.filter(mine), self.events.samples.filter(mine)
            turns.append((Events(logs=logs, samples=samples), high))
        return turns

    def store(self, folder: Path, every_s: float) -> Path:
        """A data folder with these turns, as watching would have made it."""
        with EventStore.open(folder, writable=True) as store:
            for number, (events, now) in enumerate(self.turns(every_s)):
                store.append(events, now, {"made": {"turn": number}})
        return folder


def record(root: Path) -> Recording:
    """Simulate both boxes below `root`."""
    start = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
    truths, batches = [], []
    for seed, (host, fault) in enumerate(FAULTS.items()):
        folder = root / host
        truths.append(
            simulate(folder, seed=seed, start=start, hours=HOURS, host=host, faults=(fault,))
        )
        with EventStore.open(folder, writable=True) as store:
            ingest(store, folder / "ingested", Reading(normalise, host=host, closed=True))
            batches += [batch.events for batch in store.batches()]
    events = Events(
        logs=pl.concat(one.logs for one in batches).sort("time", maintain_order=True),
        samples=pl.concat(one.samples for one in batches).sort("time", maintain_order=True),
    )
    return Recording(tuple(truths), events)


def judged(pipeline: Pipeline, turns: Turns) -> dict[str, Incident]:
    """What is said last of each incident."""
    last: dict[str, Incident] = {}
    for events, now in turns:
        last |= {one.id: one for one in pipeline.process(events, now).incidents}
    return last


def by_start(incidents: Iterable[Incident]) -> list[Incident]:
    """In the order in which they began."""
    return sorted(incidents, key=lambda one: (one.start, one.id))
