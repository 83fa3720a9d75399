"""What a report shows beside the words: log lines and curves, loaded by the caller.

`wanted` says what to load for an incident; `Evidence` carries it. What is not there is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch.detections.detection import Detection, Kind
from boxwatch.events.metrics import METRICS
from boxwatch.events.schema import LOGS, empty
from boxwatch.features.service import service_name
from boxwatch.incidents.incident import Incident

_LEAST_AROUND: Final = timedelta(minutes=5)
_MOST_SERIES: Final = 6
_AROUND: Final = 3  # lines of the same service shown before a line, and after it
# Whose lines want their neighbours.
_ABOUT_LINES: Final = (Kind.NOVELTY, Kind.BURST, Kind.ORDER, Kind.SELDOM, Kind.MIX)
_EVENT: Final = "event"  # what Docker says about a container is no neighbour of its lines

# The metric to draw for an unusual feature; `{}` stands for the incident's own entity.
_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "clock_drop": ("{}", "clock_sm_hertz"),
    "clock_trend": ("{}", "clock_sm_hertz"),
    "cpu_busy": ("host", "cpu_busy_seconds_total"),
    "cpu_saturated": ("host", "cpu_busy_seconds_total"),
    "cpu_iowait": ("host", "cpu_iowait_seconds_total"),
    "cpu_pressure": ("host", "pressure_cpu_seconds_total"),
    "cpu_steal": ("host", "cpu_steal_seconds_total"),
    "blocked": ("host", "processes_blocked"),
    "ecc_corrected_rate": ("{}", "ecc_corrected_total"),
    "ecc_trend": ("{}", "ecc_corrected_total"),
    "fan": ("{}", "fan_speed_ratio"),
    "hotter_than_peers": ("{}", "temperature_celsius"),
    "idle_power_at_load": ("{}", "power_draw_watts"),
    "io_pressure": ("host", "pressure_io_seconds_total"),
    "limit_below_peers": ("{}", "power_limit_watts"),
    "link_below_peers": ("{}", "pcie_width_lanes"),
    "load": ("host", "load1"),
    "memory_hotter_than_peers": ("{}", "memory_temperature_celsius"),
    "memory_pressure": ("host", "pressure_memory_seconds_total"),
    "memory_temperature": ("{}", "memory_temperature_celsius"),
    "more_ecc_than_peers": ("{}", "ecc_corrected_total"),
    "pcie_loss": ("{}", "pcie_generation"),
    "power": ("{}", "power_draw_watts"),
    "power_slow": ("{}", "power_draw_watts"),
    "processes": ("host", "processes_alive"),
    "room_trend": ("{}", "available_bytes"),
    "slower_than_before": ("{}", "clock_sm_hertz"),
    "slower_than_peers": ("{}", "clock_sm_hertz"),
    "swap_used": ("host", "swap_used_bytes"),
    "temperature": ("{}", "temperature_celsius"),
    "temperature_trend": ("{}", "temperature_celsius"),
    "throttle": ("{}", "throttle_hw_thermal_seconds_total"),
    "utilization": ("{}", "utilization_ratio"),
    "utilization_without_work": ("{}", "utilization_ratio"),
}
_OF_MEMORY: Final = ("memory_used", "memory_climb", "memory_slope", "memory_trend")
_MEMORY: Final[Mapping[str, str]] = {
    "gpu": "memory_used_bytes",
    "host": "memory_available_bytes",
    "service": "memory_anonymous_bytes",
}
# Features over all disks, file systems and interfaces: the entity is found among what there is.
_SPREAD: Final[Mapping[str, tuple[str, str]]] = {
    "disk_busy": ("disk:", "busy_seconds_total"),
    "disk_latency": ("disk:", "wait_seconds_total"),
    "disk_read": ("disk:", "read_bytes_total"),
    "disk_written": ("disk:", "written_bytes_total"),
    "filesystem_climb": ("fs:", "available_bytes"),
    "filesystem_used": ("fs:", "available_bytes"),
    "net_errors": ("net:", "drops_total"),
    "net_packets": ("net:", "received_packets_total"),
    "net_small_packets": ("net:", "received_packets_total"),
    "net_received": ("net:", "received_bytes_total"),
    "net_sent": ("net:", "sent_bytes_total"),
    "sensor": ("sensor:", "sensor_celsius"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The log lines of an incident (`logs` columns) and its curves (`samples` rows each).

    `around` are the event ids of lines that are there because of their neighbours.
    """

    lines: pl.DataFrame = field(default_factory=lambda: empty(LOGS))
    around: frozenset[int] = frozenset()
    series: Mapping[tuple[str, str], pl.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to load for an incident: the time around it, lines by event id, curves by name.

    An entity of `series` that ends in a colon stands for all entities of that kind. `neighbours`
    are the event ids whose neighbours in their service are wanted too, and `moments` are (service,
    instant) around which lines are.
    """

    host: str
    start: datetime
    end: datetime
    event_ids: tuple[int, ...]
    series: tuple[tuple[str, str], ...]
    neighbours: tuple[int, ...] = ()
    moments: tuple[tuple[str, datetime], ...] = ()


def wanted(incident: Incident) -> Wanted:
    """The evidence to load for the report of `incident`, the most telling first."""
    around = max(_LEAST_AROUND, (incident.end - incident.start) / 2)
    names: dict[tuple[str, str], None] = {}
    ids: dict[int, None] = {}
    for found in incident.detections:
        for reason in found.reasons:
            if reason.event_id is not None:
                ids[reason.event_id] = None
            entity = reason.entity if reason.entity else found.entity
            name = _drawn(entity, reason.metric)
            if name is not None:
                names[name] = None
    return Wanted(
        host=incident.host,
        start=incident.start - around,
        end=incident.end + around,
        event_ids=tuple(ids),
        series=tuple(names)[:_MOST_SERIES],
        neighbours=tuple(
            reason.event_id
            for found in incident.detections
            if found.kind in _ABOUT_LINES
            for reason in found.reasons
            if reason.event_id is not None
        ),
        moments=tuple(
            moment
            for found in incident.detections
            if found.kind is Kind.SILENCE
            for moment in _edges(found)
        ),
    )


def _edges(found: Detection) -> tuple[tuple[str, datetime], ...]:
    """Where a silence began, and where it ended if it did."""
    edges = ((found.entity, found.start), (found.entity, found.end))
    return edges[:1] if found.open else edges


def load(want: Wanted, logs: pl.DataFrame, samples: pl.DataFrame) -> Evidence:
    """The part of `logs` and `samples` that `want` names, ready for a report."""
    during = pl.col("time").is_between(want.start, want.end) & (pl.col("host") == want.host)
    here = logs.filter(pl.col("host") == want.host).sort("time", maintain_order=True)
    named = here["event_id"].is_in(_ids(want.event_ids))
    beside = _neighbours(here, want) - set(here["event_id"].filter(named))
    lines = here.filter(named | here["event_id"].is_in(_ids(beside)))
    mine = samples.filter(during & pl.col("metric").is_in([metric for _, metric in want.series]))
    series: dict[tuple[str, str], pl.DataFrame] = {}
    for entity, metric in want.series:
        drawn = mine.filter(pl.col("metric") == metric)
        if entity.endswith(":"):
            drawn = drawn.filter(pl.col("entity").str.starts_with(entity))
        else:
            drawn = drawn.filter(pl.col("entity") == entity)
        for (name,), frame in drawn.group_by(["entity"], maintain_order=True):
            series[str(name), metric] = frame
    shown = dict(list(series.items())[:_MOST_SERIES])
    return Evidence(lines, frozenset(beside), shown)


def _neighbours(logs: pl.DataFrame, want: Wanted) -> set[int]:
    """Event ids of the lines of a service beside lines, and around moments. `logs` by time."""
    if not (want.neighbours or want.moments):
        return set()
    said = logs.with_columns(service_name().alias("service")).filter(
        pl.col("service").is_not_null() & (pl.col("subtype") != _EVENT)
    )
    ids = _ids(want.neighbours)
    wanted_ids = said["event_id"].is_in(ids)
    services = {*said["service"].filter(wanted_ids), *(name for name, _ in want.moments)}
    found: set[int] = set()
    for service in sorted(services):
        mine = said.filter(pl.col("service") == service)
        places = mine["event_id"].is_in(ids).arg_true().to_list()
        spans = [(place - _AROUND, place + _AROUND + 1) for place in places]
        for moment in [moment for name, moment in want.moments if name == service]:
            place = int((mine["time"] <= moment).sum())
            spans.append((place - _AROUND, place + _AROUND))
        for low, high in spans:
            found.update(mine["event_id"][max(low, 0) : max(high, 0)])
    return found


def _ids(values: Iterable[int]) -> pl.Series:
    """Event ids to look for: they are larger than the integers that Polars would take them for."""
    return pl.Series(list(values), dtype=pl.UInt64).implode()


def _drawn(entity: str, metric: str) -> tuple[str, str] | None:
    kind = entity.partition(":")[0]
    if metric in METRICS:
        return None if metric == "up" else (entity, metric)  # that it was down is said in words
    if metric in _SPREAD:
        return _SPREAD[metric]
    if metric.startswith(_OF_MEMORY) and kind in _MEMORY:
        return entity, _MEMORY[kind]
    if metric in _SHOWN:
        where, name = _SHOWN[metric]
        return where.format(entity), name
    return None
