"""Whether something happens more often than before, or a share of few stretches grew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.lifecycle.drift.dependence import more_varied
from boxwatch.lifecycle.drift.effects import student_quantile

_ALPHA: Final = 0.01  # how often a bound may be wrong
_STEPS: Final = 60  # of a bisection


@dataclass(frozen=True, slots=True)
class Bounded:
    """A figure and the bounds of the true one."""

    value: float
    low: float
    high: float


def rate_ratio(before: int, time_before: float, late: int, time_late: float) -> Bounded | None:
    """How many times as often it happened of late; None without time to compare.

    Exact: of all that happened, those of late are a share that their time gives (Przyborowski and
    Wilenski, Biometrika 1940; the bounds of that share are Clopper and Pearson's).
    """
    if time_before <= 0.0 or time_late <= 0.0:
        return None
    weight = time_before / time_late
    low, high = share_bounds(late, before + late)
    value = math.inf if before == 0 and late > 0 else weight * late / max(before, 1)
    return Bounded(value, _odds(low, weight), _odds(high, weight))


def share_bounds(hits: int, trials: int) -> tuple[float, float]:
    """The exact bounds of a share (Clopper and Pearson, Biometrika 1934); 0 to 1 of none."""
    if trials == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else _solve(hits, trials)
    high = 1.0 if hits == trials else 1.0 - _solve(trials - hits, trials)
    return low, high


def ratio_of_stretches(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> Bounded | None:
    """The share of all `parts` in all `wholes`, bounded by how it differs between stretches.

    The jackknife over stretches of time: what happens in bursts is not counted as independent.
    None with fewer than three stretches that hold anything.
    """
    held = wholes > 0
    part, whole = parts[held].astype(np.float64), wholes[held].astype(np.float64)
    if len(whole) < 3:
        return None
    left_out = (part.sum() - part) / (whole.sum() - whole)
    variance = (len(whole) - 1) * left_out.var() * more_varied(left_out)
    reach = student_quantile(1.0 - _ALPHA / 2.0, len(whole) - 1) * math.sqrt(float(variance))
    share = float(part.sum() / whole.sum())
    return Bounded(share, max(share - reach, 0.0), min(share + reach, 1.0))


def _odds(share: float, weight: float) -> float:
    return math.inf if share >= 1.0 else weight * share / (1.0 - share)


def _solve(hits: int, trials: int) -> float:
    """The least share that gives `hits` or more of `trials` with a chance of half of `_ALPHA`."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        chance = sum(
            math.exp(
                math.lgamma(trials + 1)
                - math.lgamma(k + 1)
                - math.lgamma(trials - k + 1)
                + k * math.log(middle)
                + (trials - k) * math.log1p(-middle)
            )
            for k in range(hits, trials + 1)
        )
        low, high = (middle, high) if chance < _ALPHA / 2.0 else (low, middle)
    return low
