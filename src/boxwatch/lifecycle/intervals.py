"""Intervals of what is counted or averaged over few cases."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

_RESAMPLES: Final = 2_000
_RATE_TRIES: Final = 80


def wilson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a share of which `hits` of `trials` were seen (Wilson, JASA 1927); 0 to 1 of none.

    Honest at few trials and near 0 and 1, where the usual plus-minus is not.
    """
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    p = hits / trials
    middle = p + z * z / (2 * trials)
    reach = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    return max((middle - reach) / whole, 0.0), min((middle + reach) / whole, 1.0)


def poisson_low(count: int, confidence: float = 0.95) -> float:
    """The least mean that gives `count` or more with a chance of (1 - confidence) / 2."""
    if count == 0:
        return 0.0
    chance = (1.0 - confidence) / 2.0
    low, high = 0.0, float(count)
    for _ in range(_RATE_TRIES):
        middle = (low + high) / 2.0
        below = sum(
            math.exp(k * math.log(middle) - middle - math.lgamma(k + 1)) for k in range(count)
        )
        low, high = (middle, high) if 1.0 - below < chance else (low, middle)
    return low


def mean_of_differences(
    differences: NDArray[np.float64], seed: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Bounds of the mean of paired differences, by drawing the pairs again (Efron 1979)."""
    if len(differences) == 0:
        return -math.inf, math.inf
    drawn = np.random.default_rng(seed).integers(
        0, len(differences), (_RESAMPLES, len(differences))
    )
    means = differences[drawn].mean(axis=1)
    tail = (1.0 - confidence) / 2.0
    return float(np.quantile(means, tail)), float(np.quantile(means, 1.0 - tail))
