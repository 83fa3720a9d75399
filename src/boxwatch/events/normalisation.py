"""The door: raw chunks in, events out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from boxwatch.clock import EPOCH, Clock, SystemClock
from boxwatch.errors import UsageError
from boxwatch.events import (
    app,
    docker,
    files,
    gpu,
    gpu_events,
    host,
    instants,
    journald,
    kernel,
    ndjson,
    notices,
    otlp,
    status,
    text,
)
from boxwatch.events.schema import Events, RawChunk


@dataclass(frozen=True, slots=True)
class Normaliser:
    """How one raw kind is read: the fields it needs, and the function that turns them to events."""

    columns: Sequence[str]
    normalise: Callable[[ndjson.Records], Events]


NORMALISERS: Final[Mapping[str, Normaliser]] = {
    "systemd": Normaliser(journald.COLUMNS, journald.normalise),
    "docker": Normaliser(docker.LINE_COLUMNS, docker.normalise_lines),
    "docker_events": Normaliser(docker.EVENT_COLUMNS, docker.normalise_events),
    "gpu": Normaliser(gpu.COLUMNS, gpu.normalise),
    "gpu_events": Normaliser(gpu_events.COLUMNS, gpu_events.normalise),
    "host": Normaliser(host.COLUMNS, host.normalise),
    "kernel": Normaliser(kernel.COLUMNS, kernel.normalise),
    "file": Normaliser(files.COLUMNS, files.normalise),
    "service": Normaliser(app.COLUMNS, app.normalise),
    "otlp": Normaliser(otlp.COLUMNS, otlp.normalise),
    "notice": Normaliser(notices.COLUMNS, notices.normalise),
    "status": Normaliser(status.COLUMNS, status.normalise),
}


# Where a kind writes its time, and how: for a look at one line, at a tenth of the cost of reading
# it whole. Kinds that tell it in several ways are read whole.
_TIMES: Final[Mapping[str, tuple[str, Callable[[pl.Expr], pl.Expr]]]] = {
    "systemd": ("__REALTIME_TIMESTAMP", instants.from_epoch_micros),
    "docker": ("timestamp", instants.from_rfc3339),
    "gpu": ("collected_at", instants.from_written),
    "gpu_events": ("collected_at", instants.from_written),
    "host": ("collected_at", instants.from_written),
    "kernel": ("timestamp", instants.from_written),
    "service": ("collected_at", instants.from_written),
    "notice": ("time", instants.from_written),
    "status": ("collected_at", instants.from_written),
}

_LOG_NAMES: Final = ("host", "unit", "container_name", "container_id")
_SAMPLE_NAMES: Final = ("host", "entity", "reason")


def normalise(chunk: RawChunk, clock: Clock | None = None) -> Events:
    """The events in `chunk`; every line of it is in a table or in quarantine with the reason.

    No content of `lines` raises. `clock` stamps what goes to quarantine (default: the machine's).

    Raises:
        UsageError: `chunk.kind` is not one of `RAW_KINDS`.

    """
    normaliser = NORMALISERS.get(chunk.kind)
    if normaliser is None:
        raise UsageError(
            f"Raw kind {chunk.kind!r} is unknown; known are {', '.join(NORMALISERS)}.",
            hint="Name one of these, or add its normaliser to the table.",
        )
    now = (SystemClock() if clock is None else clock).now()
    records = ndjson.read(chunk, normaliser.columns, now)
    if not records.frame.height:
        return Events(quarantined=records.unreadable)
    return _with_clean_names(normaliser.normalise(records))


def earliest(chunk: RawChunk) -> datetime | None:
    """The earliest time in `chunk`, the same as that of its events; None where there is none."""
    if chunk.kind in _TIMES:
        column, read = _TIMES[chunk.kind]
        records = ndjson.read(chunk, [column], EPOCH)
        time: datetime | None = records.frame.select(read(pl.col(column)).min()).item()
        if time is not None:
            return time
    events = normalise(chunk)
    tables = (events.logs, events.samples)
    found: list[datetime | None] = [table["time"].min() for table in tables]  # type: ignore[misc]
    return min((time for time in found if time is not None), default=None)


def _with_clean_names(events: Events) -> Events:
    """What origins call themselves goes to terminals and pages: no control characters in it."""
    return Events(
        logs=text.clean_names(events.logs, _LOG_NAMES),
        samples=text.clean_names(events.samples, _SAMPLE_NAMES),
        quarantined=events.quarantined,
    )
