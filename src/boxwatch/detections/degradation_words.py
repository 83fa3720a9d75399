"""Slow degradation in words: what crept by how much, over how long, and when it is full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from boxwatch.detections.detection import Severity
from boxwatch.features.filling import FULL, Filling
from boxwatch.features.hours import Level
from boxwatch.features.trends import Trend

NAMES: Final[Mapping[str, str]] = {
    "temperature": "gpu-temperature-rising",
    "clock": "gpu-clock-falling",
    "ecc": "gpu-ecc-rising",
    "card_memory": "gpu-memory-growing",
    "memory": "host-memory-growing",
    "service_memory": "service-memory-growing",
    "room": "disk-filling-slowly",
}
# The features by which incidents know them; reports draw the metric behind each.
METRICS: Final[Mapping[str, str]] = {
    "temperature": "temperature_trend",
    "clock": "clock_trend",
    "ecc": "ecc_trend",
    "card_memory": "memory_trend",
    "memory": "memory_trend",
    "service_memory": "memory_trend",
    "room": "room_trend",
}
SOON: Final = "full in"  # what is about to be full says so in these words, and when in hours

_HOURS_A_DAY: Final = 24.0
_TOLD_IN_HOURS: Final = 48.0


@dataclass(frozen=True, slots=True)
class Found:
    """One level of one entity that creeps. `now` and `whole` are its newest hour's `y` and `x`."""

    host: str
    entity: str
    level: Level
    now: float
    whole: float
    p_value: float = 1.0
    large: bool = False
    per_day: float = 0.0
    moved: float = 0.0
    days: float = 0.0
    stepped: bool = False
    full_hours: float = np.inf

    @property
    def full(self) -> bool:
        """Whether it cannot fill any more."""
        return self.level.fills and self.now >= FULL

    def within_hours(self, filled: Filling, row: int, p_value: float) -> Found:
        """As the last hours say it."""
        return replace(
            self,
            p_value=p_value,
            large=True,
            per_day=float(filled.per_hour[row]) * _HOURS_A_DAY,
            moved=float(filled.risen[row]),
            days=float(filled.hours[row]) / _HOURS_A_DAY,
            full_hours=float(filled.full_hours[row]),
        )

    def over_days(self, days: Trend, row: int, p_value: float, *, large: bool) -> Found:
        """As the days say it: a trend, or a step of the last day."""
        slope, count = float(days.slope[row]), float(days.days[row])
        stepped = bool(days.step_t[row] > days.t[row]) and not self.level.fills
        moved = float(days.step[row]) if stepped else slope * (count - 1)
        full = (1 - self.now) / slope * _HOURS_A_DAY if self.level.fills and slope > 0 else np.inf
        return replace(
            self,
            p_value=p_value,
            large=large,
            per_day=slope,
            moved=moved,
            days=count,
            stepped=stepped,
            full_hours=full,
        )


def severity(level: str, said: Sequence[Mapping[str, Any]]) -> Severity:
    """How bad it is: what is full within hours, or wears out, is worse than what creeps."""
    creeps = level in ("room", "memory", "card_memory", "service_memory")
    soon = any(SOON in one["text"] and " h at" in one["text"] for one in said)
    return Severity.LOW if creeps and not soon else Severity.MEDIUM


def text(found: Found) -> str:
    """What creeps, in numbers."""
    name = found.level.name
    if name == "temperature":
        return f"at equal power it runs {_since(found, f'{found.moved:.1f} °C', 'hotter')}"
    if name == "clock":
        return f"at equal load its clock is {_since(found, f'{found.moved * 100:.0f} %', 'lower')}"
    if name == "ecc":
        return f"corrected memory errors a day grew {_times(found)}: about {_errors(found)} in one"
    return _filling(found)


def _since(found: Found, amount: str, way: str) -> str:
    days = found.days - 1
    if found.stepped:
        return f"{amount} {way} for a day than at the same hours of the {days:.0f} days before"
    return f"{amount} {way} than {days:.0f} days ago, and more every day"


def _times(found: Found) -> str:
    times = float(np.exp(found.moved))
    if found.stepped:
        return f"{times:.0f}-fold from one day to the next"
    return f"{times:.0f}-fold within {found.days - 1:.0f} days"


def _errors(found: Found) -> str:
    return f"{found.now * _HOURS_A_DAY:.0f}"


def _filling(found: Found) -> str:
    name = found.level.name
    what = found.entity.removeprefix("fs:") if name == "room" else "memory"
    if found.level.shares:
        return _taking(found)
    whole = found.whole / 1e9
    if found.days < 2:
        per_hour = found.per_day / _HOURS_A_DAY
        growth = f"{per_hour * 100:.1f} % ({per_hour * whole:.1f} GB) more every hour"
        lasted = f"for {found.days * _HOURS_A_DAY:.0f} h"
    else:
        growth = f"{found.per_day * 100:.1f} % ({found.per_day * whole:.1f} GB) more every day"
        lasted = f"for {found.days:.0f} days"
    return (
        f"{what} is {SOON} {_when(found.full_hours)} at this rate: {found.now * 100:.0f} % in use, "
        f"{growth} {lasted}"
    )


def _taking(found: Found) -> str:
    """What one of several takes of what they fill together."""
    if found.days < 2:
        rate, every = found.per_day / _HOURS_A_DAY, "hour"
        lasted = f"for {found.days * _HOURS_A_DAY:.0f} h"
    else:
        rate, every, lasted = found.per_day, "day", f"for {found.days:.0f} days"
    return (
        f"its processes hold {rate * 100:.1f} % of the machine's memory more every {every} "
        f"{lasted}; memory is {SOON} {_when(found.full_hours)} at this rate: "
        f"{found.now * 100:.0f} % in use"
    )


def _when(hours: float) -> str:
    if hours <= _TOLD_IN_HOURS:
        return f"{hours:.0f} h"
    return f"{hours / _HOURS_A_DAY:.0f} days"
