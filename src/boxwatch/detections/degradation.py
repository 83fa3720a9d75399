"""Slow degradation: what creeps over days, and what fills up within hours or days.

Trends over days compare the same hours of at least three days (`features.trends`). What can fill up
is also looked at over the last hours: a rise that is steady, reaches where the level never was, and
ends within a day is told at once. A finding lasts while the trend does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.clock import from_micros
from boxwatch.detections.chances import student_tail
from boxwatch.detections.degradation_words import METRICS, NAMES, Found, severity, text
from boxwatch.detections.detection import Detection, Kind, Reason
from boxwatch.features.filling import Filling, filling
from boxwatch.features.hours import LEVELS, Hours, Level
from boxwatch.features.trends import Trend, at_equal_load, by_day, trend

SHARE: Final = 0.1  # of the false-alarm budget that trends may use up

_DAYS_A_WEEK: Final = 7.0  # looks at days that do not depend on each other
_LOOKS_A_DAY: Final = 24.0  # at the last hours
_SOON_H: Final = 24.0  # what is full within so long is told from the last hours alone
_FAR_DAYS: Final = 14.0  # what is full later than this is not told at all
_RISING: Final = 0.5  # of the pairs of days, those that rise less those that fall
_MEMORIES: Final = ("card_memory", "memory", "service_memory")
_LEAST_ERRORS: Final = 10.0  # corrected a day
_HOUR: Final = 3_600_000_000
_PATIENCE: Final = 6  # hours in a row without its trend that a finding survives
_STAYS: Final = 0.05  # a finding stays while its trend is as unlikely as this


@dataclass(slots=True)
class Course:
    """A finding that goes on; times in microseconds."""

    first: int
    last: int
    p_value: float
    out: int = 0  # hours in a row without it
    said: list[dict[str, Any]] = field(default_factory=list)


class Degradation:
    """Judges hours as they close. All state is in `save()`.

    Args:
        per_host_week: False alarms allowed per host and week, in all.
    """

    def __init__(self, per_host_week: float = 1.0) -> None:
        self._budget = SHARE * per_host_week / _DAYS_A_WEEK
        self._hours = Hours()
        self._courses: dict[tuple[str, str, str], Course] = {}

    def add(self, blocks: pl.DataFrame) -> list[Detection]:
        """Findings that opened, went on or ended with `blocks` (features.blocks.BLOCKS)."""
        found: dict[str, Detection] = {}
        hours = pl.col("start").dt.truncate("1h").alias("hour")
        for _, part in blocks.group_by(hours, maintain_order=True):
            for hour in self._hours.add(part):
                for one in self._judge(hour):
                    found[one.id] = one
        return list(found.values())

    def _judge(self, hour: int) -> list[Detection]:
        alpha = self._alpha()
        news: list[Detection] = []
        stays: set[tuple[str, str, str]] = set()
        for found in self._found():
            key = (found.host, found.entity, found.level.name)
            open_before = key in self._courses
            limit = _STAYS if open_before else alpha[found.host]
            if found.p_value > limit or not (found.large or open_before):
                continue
            stays.add(key)
            if self._grown(key, found, (hour + 1) * _HOUR):
                news.append(_finding(key, self._courses[key], still_open=True))
        for key in [key for key in self._courses if key not in stays]:
            self._courses[key].out += 1
            if self._courses[key].out >= _PATIENCE:
                news.append(_finding(key, self._courses.pop(key), still_open=False))
        return news

    def _alpha(self) -> dict[str, float]:
        """The chance at which a host's budget is kept, however many levels it has."""
        hosts = [host for ring in self._hours.rings.values() for host, _ in ring.keys]
        names, counts = np.unique(np.array(hosts, dtype=str), return_counts=True)
        return {
            str(name): self._budget / int(count) for name, count in zip(names, counts, strict=True)
        }

    def _grown(self, key: tuple[str, str, str], found: Found, end: int) -> bool:
        """Take up what was found; True where there is something to tell: at first, then daily."""
        course = self._courses.get(key)
        if course is None:
            course = self._courses[key] = Course(end, end, found.p_value)
        course.out = 0
        if course.said and ((end - course.first) // _HOUR % 24 or found.full):
            course.last = end
            return False
        reason = Reason(text(found), found.entity, METRICS[found.level.name], share=1.0)
        course.last, course.p_value, course.said = end, found.p_value, [asdict(reason)]
        return True

    def _found(self) -> Iterator[Found]:
        for name, ring in self._hours.rings.items():
            level = LEVELS[name]
            y, x = ring.ordered()
            if not len(y):
                continue
            if level.shares:  # as full as what it shares is, and rising as it rises itself
                y = y - y[:, -1:] + x[:, -1:]
            yield from _creeping(level, ring.keys, y, x, self._open(ring.keys, name))

    def _open(self, keys: list[tuple[str, str]], name: str) -> NDArray[np.bool_]:
        return np.array([(*key, name) in self._courses for key in keys], bool)

    def save(self) -> dict[str, object]:
        """All state."""
        courses = [[*key, asdict(course)] for key, course in self._courses.items()]
        return {"hours": self._hours.save(), "courses": courses}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._hours.load(saved["hours"])
        self._courses = {
            (host, entity, level): Course(**course)
            for host, entity, level, course in saved["courses"]
        }


def _creeping(
    level: Level,
    keys: list[tuple[str, str]],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    is_open: NDArray[np.bool_],
) -> Iterator[Found]:
    """What each row's trend and filling come to, where it is worth a thought or was told before."""
    days, filled = _trend(level, y, x), filling(y) if level.fills else None
    soon = np.zeros(len(y), bool)
    full_days = np.full(len(y), np.inf)
    if level.fills:
        rise = np.where(days.slope > 0, days.slope, np.nan)
        full_days = np.nan_to_num((1 - y[:, -1]) / rise, nan=np.inf)
    moved = days.slope * (days.days - 1)
    large = _large(level, days, moved, full_days, y)
    stepped = ~np.isin(level.name, _MEMORIES) & ~level.fills & (days.step >= level.floor)
    asked = large | stepped | is_open
    if filled is not None:
        soon = filled.full_hours <= np.where(is_open, 2 * _SOON_H, _SOON_H)
        asked |= soon
    for row in np.flatnonzero(asked & ~np.isnan(y[:, -1])).tolist():
        host, entity = keys[row]
        found = Found(host, entity, level, float(y[row, -1]), float(x[row, -1]))
        if found.full:
            yield replace(found, p_value=0.0)  # what was told to fill is full: so it stays
        elif filled is not None and soon[row] and _fills(level, filled, row):
            p = student_tail(float(filled.t[row]), float(filled.freedom[row]))
            yield found.within_hours(filled, row, min(1.0, _LOOKS_A_DAY * p))
        else:
            is_large = bool(large[row] | stepped[row])
            yield found.over_days(days, row, _chance(days, row), large=is_large)


def _fills(level: Level, filled: Filling, row: int) -> bool:
    """Whether the last hours' rise is more than the level's ordinary ups and downs."""
    long_enough = level.name not in _MEMORIES or filled.hours[row] >= 12
    return long_enough and bool(filled.risen[row] >= level.floor)


def _trend(level: Level, y: NDArray[np.float64], x: NDArray[np.float64]) -> Trend:
    plain = y if level.slope is None else at_equal_load(y, x, level.slope)
    if level.counted:
        cube = y.reshape(len(y), -1, 24)[:, ::-1]
        known = ~np.isnan(cube)
        count = known.sum(axis=2)
        mean = np.where(known, cube, 0.0).sum(axis=2) / np.maximum(count, 1)
        days = np.where(count >= 6, np.log1p(24 * mean), np.nan)
    else:
        days = by_day(plain)
    return trend(level.sign * days, level.spread)


def _large(
    level: Level,
    days: Trend,
    moved: NDArray[np.float64],
    full_days: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.bool_]:
    large = (moved >= level.floor) & (days.rising >= _RISING)
    if level.fills:
        large &= full_days <= _FAR_DAYS
    if level.counted:
        last = y[:, -24:]
        many = np.where(np.isnan(last), 0.0, last).sum(axis=1) >= _LEAST_ERRORS
        large &= many
    return np.asarray(large & ~np.isnan(moved), bool)


def _chance(days: Trend, row: int) -> float:
    """The chance of such a trend, or of such a step: the less likely, of the two looked at."""
    t = [days.t[row], days.step_t[row]]
    return min(1.0, 2 * min(student_tail(float(one), float(days.freedom[row])) for one in t))


def _finding(key: tuple[str, str, str], course: Course, *, still_open: bool) -> Detection:
    host, entity, level = key
    return Detection(
        host=host,
        entity=entity,
        start=from_micros(course.first),
        end=from_micros(course.last),
        open=still_open,
        kind=Kind.UNUSUAL,
        name=NAMES[level],
        severity=severity(level, course.said),
        reasons=tuple(Reason(**said) for said in course.said),
        p_value=course.p_value,
    )
