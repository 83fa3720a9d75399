"""What fills up: a level between 0 and 1 that rose hour after hour, and when it is full.

A level that goes up and down by the day rises for hours too. So what the same hours of the day
before grew by, beyond what that day grew by on the whole, is taken off, and the rise must reach
where the level has not been for two weeks. The hours are held against chance by their own growths,
which stay independent where the level is a random walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.features.trends import middle

Array = NDArray[np.float64]

_SPANS: Final = (6, 12, 24)  # hours looked back over
_GROWING: Final = 0.8  # share of the hours that must have grown
_NOISE: Final = 0.002  # an hour's growth that means nothing
_WEIGHT: Final = 3.0  # hours that this noise stands for
FULL: Final = 0.98  # what is so full is full
_NEW: Final = 0.002  # how far above its highest level of before


@dataclass(frozen=True, slots=True)
class Filling:
    """Each row's rise over its last hours; `full_hours` is infinite where it does not fill."""

    hours: Array  # looked back over
    per_hour: Array
    risen: Array
    full_hours: Array
    t: Array
    freedom: Array


def filling(y: Array) -> Filling:
    """How the rows of `y` (rows, hours; oldest first) fill; of several spans the surest."""
    best = _over(y, _SPANS[0])
    for hours in _SPANS[1:]:
        more = _over(y, hours)
        better = more.t > best.t
        best = Filling(*(np.where(better, getattr(more, n), getattr(best, n)) for n in _NAMES))
    return best


def _rhythm(y: Array, hours: int) -> Array:
    """How much the last hours grow by every day, as the day before tells; 0 where it is unknown."""
    yesterday = np.diff(y[:, -hours - 25 : -24], axis=1)
    net = (y[:, -25] - y[:, -49]) / 24
    return np.nan_to_num(yesterday - net[:, None])


_NAMES: Final = ("hours", "per_hour", "risen", "full_hours", "t", "freedom")


def _over(y: Array, hours: int) -> Filling:
    growth = np.diff(y[:, -hours - 1 :], axis=1) - _rhythm(y, hours)
    known = ~np.isnan(growth)
    count = known.sum(axis=1)
    sound = np.where(known, growth, 0.0)
    mean = sound.sum(axis=1) / np.maximum(count, 1)
    square = np.where(known, (growth - mean[:, None]) ** 2, 0.0).sum(axis=1)
    freedom = _WEIGHT + np.maximum(count - 1, 0)
    scale = np.sqrt((_WEIGHT * _NOISE**2 + square) / freedom)
    per_hour = middle(np.where(known, growth, np.nan), 1)
    before = y[:, : -hours - 1]
    highest = np.where(np.isnan(before), -np.inf, before).max(axis=1, initial=-np.inf)
    now = y[:, -1]
    steady = (count >= hours) & ((growth > 0).sum(axis=1) >= _GROWING * hours)
    fills = steady & (now > highest + _NEW) & (now < FULL) & (per_hour > 0)
    rate = np.where(fills, per_hour, 1.0)
    return Filling(
        hours=np.full(len(y), float(hours)),
        per_hour=per_hour,
        risen=np.where(fills, mean * count, 0.0),
        full_hours=np.where(fills, (1 - now) / rate, np.inf),
        t=np.where(fills, mean / (scale / np.sqrt(np.maximum(count, 1))), -np.inf),
        freedom=freedom,
    )
