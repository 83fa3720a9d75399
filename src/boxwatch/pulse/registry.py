"""What Boxwatch says about itself: one record per internal event, a log line and a metric at once.

An event is a frozen dataclass. `emit` writes it as a structured log line and applies its
`moves()` to the registry, from the same record, so that log and metrics cannot disagree. The
registry is what a metrics endpoint shows; a gauge that nobody refreshed for `STALE_SECONDS`
vanishes rather than freeze at its last value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Protocol

from boxwatch.clock import monotonic
from boxwatch.pulse.log_lines import write_line

STALE_SECONDS: Final = 60.0


class Progress(Protocol):
    """How a long job tells whoever waits: `step` is what is being done now.

    `total` is null while it is unknown; `done` and `total` count the same thing.
    """

    def __call__(self, step: str, done: float, total: float | None) -> None:
        """Say how far the job is."""
        ...


def unheard(step: str, done: float, total: float | None) -> None:
    """A `Progress` nobody listens to."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of ours: its Prometheus name, what it means and which labels it carries."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def counter(self) -> bool:
        """True if it only grows while the process lives."""
        return self.name.endswith("_total")


# Name, labels joined by commas (- for none), meaning. The `system_` and `anomaly_` names are those
# dashboards of older collectors ask for; they say the same as the `boxwatch_` ones.
_TABLE: Final = """
boxwatch_cpu_usage_ratio              host      processor time not idle, as share of all cores
boxwatch_memory_usage_ratio           host      memory not available to programs, as share
boxwatch_disk_usage_ratio             host      space in use on the fullest file system, as share
system_cpu_usage_percent              -         boxwatch_cpu_usage_ratio times 100
system_memory_usage_percent           -         boxwatch_memory_usage_ratio times 100
system_disk_usage_percent             -         boxwatch_disk_usage_ratio times 100
anomaly_detection_score               -         1 minus the p-value of the strangest window now
anomaly_detection_is_anomaly          -         1 while an incident is open, otherwise 0
boxwatch_window_p_value               host,view how often a normal window is as strange as this one
boxwatch_incidents_open               severity  incidents open now
boxwatch_incidents_total              severity  incidents opened since the start
boxwatch_events_total                 source    log lines and readings taken in
boxwatch_quarantined_total            source    records set aside because they were not understood
boxwatch_late_rows_total              host      records that came after their window had closed
boxwatch_early_rows_total             host      records from the future of a host's clock
boxwatch_drift                        kind      1 what the last check for drift found, 0 the others
boxwatch_drift_priority               -         of the drift found last: 0 is most urgent, 3 least
boxwatch_drift_features_moved         -         features that had moved at the last check for drift
boxwatch_drift_checked_timestamp_seconds  -     when the last check for drift was, since 1970
boxwatch_windows_held_total           host      unusual windows that somebody had called expected
boxwatch_source_up                    host,source  1 the source answers, 0 it fails
boxwatch_gaps_total                   host,source  times records were lost before they were read
boxwatch_restarts_total               host      restarts of a watched system that were seen
boxwatch_received_total               signal    records that were sent to us over OTLP
boxwatch_received_unused_total        signal    data points of metrics that are of no use
boxwatch_requests_refused_total       status    requests to the receiver that were refused
boxwatch_templates                    -         kinds of log lines that are known
boxwatch_templates_forgotten_total    -         kinds forgotten because there are too many
boxwatch_batches_total                -         batches written to the store
boxwatch_turn_seconds                 -         how long the last turn of the loop took
boxwatch_checkpoints_total            -         checkpoints written
boxwatch_baseline_remaining_seconds   -         time until the first models are fitted
boxwatch_models_fitted_total          view      models fitted since the start
boxwatch_champion_version             -         version of the models that judges; none = its own
boxwatch_champions_taken_total        -         times another version was taken up while watching
boxwatch_champions_refused_total      -         times a version could not be used
boxwatch_failures_total               part      failures that were caught and written down
"""


def _read(table: str) -> dict[str, Measure]:
    measures = {}
    for line in table.strip().splitlines():
        name, labels, text = line.split(maxsplit=2)
        names = () if labels == "-" else tuple(labels.split(","))
        measures[name] = Measure(name, text, names)
    return measures


MEASURES: Final[dict[str, Measure]] = _read(_TABLE)


@dataclass(frozen=True, slots=True)
class Move:
    """One step of one metric: a counter grows by `value`, a gauge becomes it; null = unknown."""

    name: str
    value: float | None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric as it stands now; `labels` are the values, in the order of the measure."""

    name: str
    labels: tuple[str, ...]
    value: float


class Registry:
    """The metrics of this process. Safe to use from several threads."""

    def __init__(
        self, stale_seconds: float = STALE_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._values: dict[tuple[str, tuple[str, ...]], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def apply(self, moves: Iterable[Move]) -> None:
        """Carry out `moves`; a gauge that became unknown is taken away."""
        now = self._clock()
        with self._lock:
            for move in moves:
                key = (move.name, move.labels)
                if move.value is None:
                    self._values.pop(key, None)
                elif MEASURES[move.name].counter:
                    before, _ = self._values.get(key, (0.0, now))
                    self._values[key] = (before + move.value, now)
                else:
                    self._values[key] = (float(move.value), now)

    def readings(self) -> Sequence[Reading]:
        """Every metric that is known now, by name and labels."""
        oldest = self._clock() - self._stale_seconds
        with self._lock:
            values = sorted(self._values.items())
        return [
            Reading(name, labels, value)
            for (name, labels), (value, since) in values
            if since >= oldest or MEASURES[name].counter
        ]

    def value(self, name: str, *labels: str) -> float | None:
        """The value of one metric now; null = unknown, stale or never set."""
        for reading in self.readings():
            if reading.name == name and reading.labels == labels:
                return reading.value
        return None

    def total(self, name: str) -> float:
        """The sum of a metric over its labels; 0 if there is none."""
        return sum(reading.value for reading in self.readings() if reading.name == name)


class Event(Protocol):
    """Something that happened inside Boxwatch: a frozen dataclass of plain values."""

    slug: ClassVar[str]  # the log line's event name
    level: ClassVar[int]  # of the logging module

    def moves(self) -> Iterable[Move]:
        """What it does to the metrics."""
        ...


REGISTRY: Final = Registry()


def emit(event: Event, registry: Registry = REGISTRY) -> None:
    """Write `event` as one log line, where logs are wanted, and apply it to the metrics."""
    registry.apply(event.moves())
    write_line(event.level, event.slug, asdict(event))  # type: ignore[call-overload]
