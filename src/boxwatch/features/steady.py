"""Features that remember: climbs and slow averages, one small state per entity."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import cast

import polars as pl

from boxwatch.features import gpu, host
from boxwatch.features.climb import Climb

_SLOW = 1 / 36  # weight of a new window in the slow average: about three minutes of 5 s windows


class Steady:
    """Adds the features that depend on earlier windows; fed in time order."""

    def __init__(self, *, windows_a_minute: int) -> None:
        self._per_minute = windows_a_minute
        self._climbs: dict[str, Climb] = {}
        self._slow: dict[str, float] = {}
        self._recent: dict[str, deque[float]] = {}

    def gpu(self, windows: pl.DataFrame) -> pl.DataFrame:
        """`windows` of the gpu view: climb and slow power filled in, the rest by the minute."""
        return windows.with_columns(
            *self._by_the_minute(windows, gpu.BY_THE_MINUTE),
            self._each(windows, "memory_used", self._climb).alias("memory_climb"),
            self._each(windows, "power", self._average).alias("power_slow"),
        )

    def host(self, windows: pl.DataFrame) -> pl.DataFrame:
        """`windows` of the host view: climbs filled in, `host.BY_THE_MINUTE` averaged."""
        return windows.with_columns(
            *self._by_the_minute(windows, host.BY_THE_MINUTE),
            self._each(windows, "memory_used", self._climb).alias("memory_climb"),
            self._each(windows, "filesystem_used", self._climb).alias("filesystem_climb"),
        )

    def _by_the_minute(self, windows: pl.DataFrame, features: list[str]) -> list[pl.Series]:
        return [self._each(windows, name, self._minute).alias(name) for name in features]

    def _each(
        self, windows: pl.DataFrame, feature: str, step: Callable[[str, float], float]
    ) -> pl.Series:
        values = []
        for machine, entity, level in windows.select("host", "entity", feature).iter_rows():
            known = math.nan if level is None else level
            values.append(step(f"{machine}\0{entity}\0{feature}", known))
        return pl.Series(values, dtype=pl.Float64).fill_nan(None)

    def _climb(self, key: str, level: float) -> float:
        climb = self._climbs.get(key)
        if climb is None:
            climb = self._climbs[key] = Climb(self._per_minute)
        return climb.add(level)

    def _average(self, key: str, level: float) -> float:
        before = self._slow.get(key, level)
        if math.isnan(level):
            return before
        after = level if math.isnan(before) else before + _SLOW * (level - before)
        self._slow[key] = after
        return after

    def _minute(self, key: str, level: float) -> float:
        recent = self._recent.setdefault(key, deque(maxlen=self._per_minute))
        recent.append(level)
        known = [value for value in recent if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    def save(self) -> dict[str, object]:
        """JSON-able state."""
        return {
            "climbs": {key: climb.save() for key, climb in self._climbs.items()},
            "slow": {key: _or_none(level) for key, level in self._slow.items()},
            "recent": {key: [_or_none(v) for v in levels] for key, levels in self._recent.items()},
        }

    def load(self, saved: dict[str, object]) -> None:
        """Take up what `save` returned."""
        climbs = cast("dict[str, dict[str, object]]", saved["climbs"])
        slow = cast("dict[str, float | None]", saved["slow"])
        self._climbs = {key: Climb.load(state) for key, state in climbs.items()}
        self._slow = {key: _or_nan(level) for key, level in slow.items()}
        recent = cast("dict[str, list[float | None]]", saved["recent"])
        self._recent = {
            key: deque((_or_nan(v) for v in levels), maxlen=self._per_minute)
            for key, levels in recent.items()
        }


def _or_none(level: float) -> float | None:
    return None if math.isnan(level) else level


def _or_nan(level: float | None) -> float:
    return math.nan if level is None else level
