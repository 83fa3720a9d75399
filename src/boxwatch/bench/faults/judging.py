"""A stored day through the pipeline that watching uses, in turns as short as watching has them.

Findings do not depend on how records are cut into turns, but when a person hears of them does. So
turns are of one second from shortly before a fault shows until it is told, longer where that takes
long (delays are rounded up to them), and of ten minutes where nothing is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch.events import Events
from boxwatch.incidents import Incident
from boxwatch.live import Pipeline
from boxwatch.sources.simulated import InjectedFault, Truth
from boxwatch.store import Batch

_TURN: Final = timedelta(seconds=1)
_PATIENT: Final = timedelta(seconds=10)
_WEARY: Final = timedelta(seconds=30)
_LONG: Final = timedelta(minutes=10)
_PROMPT: Final = timedelta(seconds=60)  # from when a fault shows
_SLOW: Final = timedelta(minutes=10)
_EARLY: Final = timedelta(seconds=2)
_BEFORE: Final = timedelta(seconds=30)  # windows begin a little before what they show
_LATE: Final = timedelta(minutes=3)  # and findings may follow a fault's end by a quiet time


@dataclass(slots=True)
class Watch:
    """What has been told so far: the incidents as they stand, and when each fault was found."""

    truth: Truth
    incidents: dict[str, Incident] = field(default_factory=dict)
    found: dict[int, tuple[datetime, Incident]] = field(default_factory=dict)

    def heard(self, changed: Sequence[Incident], now: datetime) -> None:
        """Take what a turn told at `now`."""
        self.incidents |= {one.id: one for one in changed}
        for number, fault in enumerate(self.truth):
            if number in self.found or now < fault.start:
                continue
            about = next((one for one in changed if is_about(one, fault)), None)
            if about is not None:
                self.found[number] = (now, about)

    def turn(self, now: datetime) -> timedelta:
        """How long the turn after `now` is."""
        length = _LONG
        for number, fault in enumerate(self.truth):
            if number in self.found or now >= fault.end + _LATE:
                continue
            begin = fault.start - _EARLY
            if now < begin:
                return min(length, begin - now)
            shows = shown(fault)
            if shows - _EARLY <= now < shows + _PROMPT:
                return _TURN
            return _PATIENT if now < shows + _SLOW else _WEARY
        return length


def shown(fault: InjectedFault) -> datetime:
    """When `fault` could first be seen."""
    return fault.start if fault.shows is None else fault.shows


def is_about(incident: Incident, fault: InjectedFault) -> bool:
    """Whether something of `incident` began with `fault`, on one of its entities."""
    return incident.host == fault.host and any(
        found.entity in fault.entities and fault.start - _BEFORE <= found.start <= fault.end + _LATE
        for found in incident.detections
    )


def judge(batches: Iterator[Batch], pipeline: Pipeline, truth: Truth) -> Watch:
    """Hand all of `batches` to `pipeline` and note what it tells, and when."""
    watch = Watch(truth)
    now = truth.start
    for batch in batches:
        logs, samples = (one.sort("time", maintain_order=True) for one in _tables(batch.events))
        while now < batch.now:
            now = min(now + watch.turn(now), batch.now)
            last = now >= batch.now
            said, logs = _until(logs, now, last=last)
            read, samples = _until(samples, now, last=last)
            events = Events(logs=said, samples=read)
            watch.heard(pipeline.process(events, now).incidents, now)
    return watch


def _tables(events: Events) -> tuple[pl.DataFrame, pl.DataFrame]:
    return events.logs, events.samples


def _until(rows: pl.DataFrame, now: datetime, *, last: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows before `now`, and the others; the last turn of a batch takes what is left."""
    cut = rows.height if last else int(rows["time"].search_sorted(now, side="left"))
    return rows.head(cut), rows.slice(cut)
