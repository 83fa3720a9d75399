"""The door: raw chunks in, events out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import UsageError
from boxwatch.events import docker, files, gpu, host, journald, kernel, ndjson, status, text
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
    "host": Normaliser(host.COLUMNS, host.normalise),
    "kernel": Normaliser(kernel.COLUMNS, kernel.normalise),
    "file": Normaliser(files.COLUMNS, files.normalise),
    "status": Normaliser(status.COLUMNS, status.normalise),
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


def _with_clean_names(events: Events) -> Events:
    """What origins call themselves goes to terminals and pages: no control characters in it."""
    logs, samples = events.logs, events.samples
    return Events(
        logs=logs.with_columns(text.clean_names(logs[name]).alias(name) for name in _LOG_NAMES),
        samples=samples.with_columns(
            text.clean_names(samples[name]).alias(name) for name in _SAMPLE_NAMES
        ),
        quarantined=events.quarantined,
    )
