"""How much rows that follow each other tell: as much as how many independent ones.

Both estimates come from stretches of rows and how alike neighbours are, taken as a first-order
autoregression ("prewhitening"; Andrews and Monahan, Econometrica 1992) and freed of its bias
towards 0 in short series (Kendall, Biometrika 1954).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.lifecycle.drift.profile import Profile

Float64 = NDArray[np.float64]

LEAST: Final = 30.0  # independent rows, below which a distribution is not known
_MOST_ALIKE: Final = 0.98  # correlation of neighbours: beyond, all stretches are as one
_TINY: Final = 1e-300


def more_varied(series: Float64) -> Float64:
    """By how much more a mean over the first axis varies because neighbours are alike; at least 1.

    `series` has one value a stretch along its first axis, in the order of time.
    """
    apart = series - series.mean(axis=0)
    whole = np.maximum((apart**2).sum(axis=0), _TINY)
    following = (apart[1:] * apart[:-1]).sum(axis=0) / whole
    correlation = following + (1.0 + 3.0 * following) / len(series)
    correlation = np.clip(correlation, 0.0, _MOST_ALIKE)
    return np.asarray((1.0 + correlation) / (1.0 - correlation))


def independent_rows(profile: Profile) -> Float64:
    """How many independent rows the rows of each feature are worth; shape (features,).

    From the ranks of the values, which have no outliers: the variance of one over that of their
    mean. As many as there are stretches where a feature is constant: nothing tells then.
    """
    counts = profile.counts.astype(np.float64)
    blocks = len(counts)
    whole = counts.sum(axis=0)
    known = np.maximum(whole.sum(axis=1), 1.0)
    share = whole / known[:, None]
    rank = np.cumsum(share, axis=1) - share / 2.0
    middle = (share * rank).sum(axis=1)
    variance = (share * (rank - middle[:, None]) ** 2).sum(axis=1)
    means = (counts * rank).sum(axis=2) / np.maximum(counts.sum(axis=2), 1.0)
    means = np.where(counts.sum(axis=2) > 0, means, middle)
    of_mean = means.var(axis=0, ddof=1) / blocks * more_varied(means)
    told = np.where(of_mean > _TINY, variance / np.maximum(of_mean, _TINY), blocks)
    return np.asarray(np.where(variance > 0.0, np.minimum(told, known), blocks))


def chance_distance(before: Float64, after: Float64, alpha: float) -> Float64:
    """The Kolmogorov-Smirnov distance that samples of so many rows exceed by chance `alpha`.

    Bounded as by Dvoretzky, Kiefer and Wolfowitz with Massart's constant (Ann. Prob. 1990), for
    two samples as if for one of their harmonic size.
    """
    return np.asarray(np.sqrt(math.log(2.0 / alpha) / 2.0 * (1.0 / before + 1.0 / after)))
