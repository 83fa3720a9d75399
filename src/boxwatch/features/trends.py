"""Trends over days, of many rows at once: what creeps, and what the time of day explains.

Days are counted back from now, and each is compared with the others hour by hour of the day, so
that a warm afternoon is no trend. The slope is the median of those between all pairs of days (Theil
1950, Sen 1968); its error follows from what the line leaves, pooled with what days usually differ
by, and widened for days that resemble the ones before (Hamed & Rao 1998, for an order of one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_DAYS: Final = 3

_LEAST_HOURS: Final = 6  # of a day: less tells nothing of it
_WEIGHT: Final = 6.0  # days that the usual spread stands for
_MOST_ALIKE: Final = 0.8
_THEIL_SEN: Final = 1.05  # how much wider its error is than that of least squares


@dataclass(frozen=True, slots=True)
class Trend:
    """What the days of each row say; NaN where there are too few.

    `slope` a day, `t` of it with `freedom`; `step` of the last day over those before, and its `t`.
    """

    days: Array
    slope: Array
    t: Array
    step: Array
    step_t: Array
    freedom: Array
    rising: Array  # share of the pairs of days of which the later is higher, less that of the lower


def middle(values: Array, axis: int) -> Array:
    """The median along `axis` of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=axis)  # NaN comes last
    count = np.sum(~np.isnan(values), axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[axis] - 1), axis)
    return cast("Array", np.where(count > 0, (low + high) / 2, np.nan).squeeze(axis))


def at_equal_load(y: Array, x: Array, slope: float, weight: float = 0.1) -> Array:
    """`y` less what `x` explains of it, by how both move from hour to hour, which no trend does.

    `slope` is what is expected, and counts as much as moves of `x` whose squares sum to `weight`.
    """
    dy, dx = np.diff(y, axis=1), np.diff(x, axis=1)
    known = ~np.isnan(dy * dx)
    both = np.where(known, dy * dx, 0.0).sum(axis=1)
    square = np.where(known, dx * dx, 0.0).sum(axis=1)
    per_x = (both + weight * slope) / (square + weight)
    return cast("Array", y - per_x[:, None] * (x - middle(x, 1)[:, None]))


def by_day(y: Array) -> Array:
    """How far each day is from the others at the same hours; (rows, days), the last day first.

    Args:
        y: (rows, hours), whole days, oldest hour first.
    """
    cube = y.reshape(len(y), -1, 24)[:, ::-1]
    away = cube - middle(cube, 1)[:, None]
    enough = np.sum(~np.isnan(cube), axis=2) >= _LEAST_HOURS
    return np.where(enough, middle(away, 2), np.nan)


def trend(days: Array, spread: float) -> Trend:
    """The trends of `days` (rows, days; the last day first); `spread` is what days differ by."""
    many = days.shape[1]
    later, earlier = np.triu_indices(many, 1)
    rise = days[:, later] - days[:, earlier]
    slope = middle(rise / (earlier - later), 1)
    ages = np.arange(many, dtype=np.float64)
    known = ~np.isnan(days)
    count = known.sum(axis=1).astype(np.float64)
    level = middle(days + slope[:, None] * ages, 1)
    left = np.where(known, days - (level[:, None] - slope[:, None] * ages), 0.0)
    square = (left**2).sum(axis=1)
    freedom = _WEIGHT + np.maximum(count - 2, 0)
    scale = np.sqrt((_WEIGHT * spread**2 + square) / freedom)
    alike = np.where(square > 0, (left[:, 1:] * left[:, :-1]).sum(axis=1), 0.0)
    alike = np.clip(alike / np.where(square > 0, square, 1.0), 0.0, _MOST_ALIKE)
    alike *= np.maximum(count - 3, 0) / (count + 3)
    age = np.where(known, ages, 0.0)
    mean_age = age.sum(axis=1) / np.maximum(count, 1)
    wide = np.where(known, (ages - mean_age[:, None]) ** 2, 0.0).sum(axis=1)
    widened = scale * np.sqrt((1 + alike) / (1 - alike))
    error = _THEIL_SEN * widened / np.sqrt(np.maximum(wide, 1e-9))
    step, step_t = _step(days, spread)
    enough = (count >= LEAST_DAYS) & known[:, 0]
    pairs = np.maximum((~np.isnan(rise)).sum(axis=1), 1)
    return Trend(
        days=count,
        slope=np.where(enough, slope, np.nan),
        t=np.where(enough, slope / error, np.nan),
        step=np.where(enough, step, np.nan),
        step_t=np.where(enough, step_t, np.nan),
        freedom=freedom,
        rising=np.nansum(np.sign(rise), axis=1) / pairs,
    )


def _step(days: Array, spread: float) -> tuple[Array, Array]:
    """How far the last day is above the middle of those before it, and how sure that is."""
    before = days[:, 1:]
    usual = middle(before, 1)
    known = ~np.isnan(before)
    square = np.where(known, (before - usual[:, None]) ** 2, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    scale = np.sqrt((_WEIGHT * spread**2 + square) / (_WEIGHT + np.maximum(count - 1, 0)))
    step = days[:, 0] - usual
    return step, step / (scale * np.sqrt(1 + 1.57 / np.maximum(count, 1)))
