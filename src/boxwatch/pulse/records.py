"""The events themselves: what happens inside Boxwatch that is worth a line and a metric.

A gauge goes stale unless it is refreshed, so the records that set gauges are emitted every turn.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from boxwatch.pulse.registry import Move


@dataclass(frozen=True, slots=True)
class BatchStored:
    """A turn of the loop wrote what it read."""

    slug: ClassVar[str] = "batch stored"
    level: ClassVar[int] = logging.DEBUG
    batch: int
    rows: Mapping[str, int]  # by source
    quarantined: Mapping[str, int]  # by source or raw kind
    seconds: float

    def moves(self) -> Iterable[Move]:
        """Counts the batch and its rows."""
        yield Move("boxwatch_batches_total", 1)
        yield Move("boxwatch_turn_seconds", self.seconds)
        for source, rows in self.rows.items():
            yield Move("boxwatch_events_total", rows, (source,))
        for source, rows in self.quarantined.items():
            yield Move("boxwatch_quarantined_total", rows, (source,))


@dataclass(frozen=True, slots=True)
class HostRead:
    """How busy this machine is; null = unknown."""

    slug: ClassVar[str] = "host read"
    level: ClassVar[int] = logging.DEBUG
    host: str
    cpu_ratio: float | None
    memory_ratio: float | None
    disk_ratio: float | None

    def moves(self) -> Iterable[Move]:
        """Sets each gauge under both of its names."""
        for part in ("cpu", "memory", "disk"):
            share: float | None = getattr(self, f"{part}_ratio")
            yield Move(f"boxwatch_{part}_usage_ratio", share, (self.host,))
            percent = None if share is None else share * 100
            yield Move(f"system_{part}_usage_percent", percent)


@dataclass(frozen=True, slots=True)
class TurnJudged:
    """What the models made of the windows that closed: the smallest p-value of each view."""

    slug: ClassVar[str] = "turn judged"
    level: ClassVar[int] = logging.DEBUG
    host: str
    p_values: Mapping[str, float]  # by view

    def moves(self) -> Iterable[Move]:
        """Sets the p-values and the score; a turn without windows changes nothing."""
        for view, p_value in self.p_values.items():
            yield Move("boxwatch_window_p_value", p_value, (self.host, view))
        if self.p_values:
            yield Move("anomaly_detection_score", 1 - min(self.p_values.values()))


@dataclass(frozen=True, slots=True)
class IncidentsCounted:
    """How many incidents are open, by severity; severities with none are given as 0."""

    slug: ClassVar[str] = "incidents counted"
    level: ClassVar[int] = logging.DEBUG
    open: Mapping[str, int]

    def moves(self) -> Iterable[Move]:
        """Sets the gauges."""
        for severity, count in self.open.items():
            yield Move("boxwatch_incidents_open", count, (severity,))
        yield Move("anomaly_detection_is_anomaly", int(any(self.open.values())))


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """A new incident."""

    slug: ClassVar[str] = "incident opened"
    level: ClassVar[int] = logging.INFO
    incident: str
    severity: str
    title: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_incidents_total", 1, (self.severity,))


@dataclass(frozen=True, slots=True)
class SourceAnswered:
    """Whether a source answers, said every turn; `up` is null where its tool is not installed."""

    slug: ClassVar[str] = "source answered"
    level: ClassVar[int] = logging.DEBUG
    host: str
    source: str
    up: bool | None
    reason: str

    def moves(self) -> Iterable[Move]:
        """Sets whether it answers."""
        up = None if self.up is None else int(self.up)
        yield Move("boxwatch_source_up", up, (self.host, self.source))


@dataclass(frozen=True, slots=True)
class GapFound:
    """Records were lost before they were read; `entries` is null where nobody can tell how many."""

    slug: ClassVar[str] = "gap found"
    level: ClassVar[int] = logging.WARNING
    host: str
    source: str
    seconds: float
    entries: int | None

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_gaps_total", 1, (self.host, self.source))


@dataclass(frozen=True, slots=True)
class SystemRestarted:
    """A watched system began anew; `shut_down` is null where nothing tells how it went down."""

    slug: ClassVar[str] = "system restarted"
    level: ClassVar[int] = logging.WARNING
    host: str
    shut_down: bool | None

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_restarts_total", 1, (self.host,))


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """The state of the pipeline is safe up to and including `batch`."""

    slug: ClassVar[str] = "checkpoint saved"
    level: ClassVar[int] = logging.DEBUG
    batch: int
    seconds: float

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_checkpoints_total", 1)


@dataclass(frozen=True, slots=True)
class BaselineRunning:
    """No model is fitted yet; null when it is done."""

    slug: ClassVar[str] = "baseline running"
    level: ClassVar[int] = logging.DEBUG
    remaining_seconds: float | None

    def moves(self) -> Iterable[Move]:
        """Sets the time that remains."""
        yield Move("boxwatch_baseline_remaining_seconds", self.remaining_seconds)


@dataclass(frozen=True, slots=True)
class PartFailed:
    """Something failed and was caught at a border; the rest goes on."""

    slug: ClassVar[str] = "part failed"
    level: ClassVar[int] = logging.ERROR
    part: str
    error: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_failures_total", 1, (self.part,))


@dataclass(frozen=True, slots=True)
class RowsOutOfTime:
    """Records of a host came too late for their windows, or from the future; they are kept."""

    slug: ClassVar[str] = "rows out of time"
    level: ClassVar[int] = logging.INFO
    host: str
    late: int
    early: int

    def moves(self) -> Iterable[Move]:
        """Counts them."""
        yield Move("boxwatch_late_rows_total", self.late, (self.host,))
        yield Move("boxwatch_early_rows_total", self.early, (self.host,))


@dataclass(frozen=True, slots=True)
class RecordsReceived:
    """A sender's records were taken in; `unused` data points were of metrics nobody needs."""

    slug: ClassVar[str] = "records received"
    level: ClassVar[int] = logging.DEBUG
    signal: str
    records: int
    unused: int

    def moves(self) -> Iterable[Move]:
        """Counts them."""
        yield Move("boxwatch_received_total", self.records, (self.signal,))
        yield Move("boxwatch_received_unused_total", self.unused, (self.signal,))


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A sender's request was answered with an error."""

    slug: ClassVar[str] = "request refused"
    level: ClassVar[int] = logging.INFO
    status: int
    reason: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_requests_refused_total", 1, (str(self.status),))


@dataclass(frozen=True, slots=True)
class MasksChanged:
    """The masks of log lines are others than before: of `kinds` known, so many have new ids."""

    slug: ClassVar[str] = "masks changed"
    level: ClassVar[int] = logging.WARNING
    kinds: int
    renamed: int

    def moves(self) -> Iterable[Move]:
        """Counts nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class TemplatesKept:
    """How many texts of log lines are known, and how many had to be forgotten since the last."""

    slug: ClassVar[str] = "templates kept"
    level: ClassVar[int] = logging.DEBUG
    texts: int
    forgotten: int

    def moves(self) -> Iterable[Move]:
        """Sets the one, counts the other."""
        yield Move("boxwatch_templates", self.texts)
        yield Move("boxwatch_templates_forgotten_total", self.forgotten)


@dataclass(frozen=True, slots=True)
class TemplatesOverflow:
    """There are more kinds of log lines than are remembered: the oldest are forgotten."""

    slug: ClassVar[str] = "too many kinds of lines"
    level: ClassVar[int] = logging.WARNING
    remembered: int

    def moves(self) -> Iterable[Move]:
        """Counts nothing."""
        return ()
