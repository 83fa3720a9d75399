"""What the gauges say after a turn: the machines, the open incidents, the last check for drift."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from boxwatch import pulse
from boxwatch.incidents import Incident
from boxwatch.store import StateStore


def tell_machine(windows: pl.DataFrame, samples: pl.DataFrame) -> None:
    """How busy each host is, and whether each source answers."""
    shares = ("cpu_busy", "memory_used", "filesystem_used")
    latest = windows.group_by("host", maintain_order=True).last()
    for host, cpu, memory, disk in latest.select("host", *shares).iter_rows():
        pulse.emit(pulse.HostRead(host, cpu, memory, disk))
    answers = samples.filter(pl.col("metric") == "up").group_by("host", "entity").last()
    for host, entity, up, reason in answers.select("host", "entity", "value", "reason").iter_rows():
        answered = None if up is None else bool(up)
        name = entity.removeprefix("source:")
        pulse.emit(pulse.SourceAnswered(host, name, answered, "" if reason is None else reason))


def count_open(incidents: Iterable[Incident]) -> None:
    """How many incidents are open, by severity."""
    counts = dict.fromkeys(("info", "low", "medium", "high", "critical"), 0)
    for incident in incidents:
        counts[str(incident.severity)] += 1
    pulse.emit(pulse.IncidentsCounted(counts))


def tell_drift(state: StateStore) -> None:
    """What the last check for drift came to; nothing where none was made."""
    last = state.last_drift()
    if last is not None:
        known = pulse.DriftKnown(last.at.timestamp(), last.kind, last.priority, last.moved)
        pulse.emit(known)
