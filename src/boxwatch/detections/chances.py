"""How likely chance alone is: what comparisons and trends are held to."""

from __future__ import annotations

import math


def student_tail(t: float, freedom: float) -> float:
    """The chance that Student's t of `freedom` degrees is `t` or more; 0.5 for t <= 0.

    By the normal distribution, as Wallace 1959 (Ann. Math. Stat. 30, 1121) brings one to the other:
    off by less than a tenth of the chance from 4 degrees on.
    """
    if not t > 0:
        return 0.5
    root = math.sqrt(freedom * math.log1p(t * t / freedom))
    return normal_tail((8 * freedom + 1) / (8 * freedom + 3) * root)


def normal_tail(z: float) -> float:
    """The chance that a standard normal value is `z` or more."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def pooled(spread: float, weight: float, found: float, count: float) -> float:
    """A spread between what is known of such machines and what was `found` among `count` values.

    `weight` is how many values the known `spread` stands for: the mean of a scaled inverse
    chi-square prior and the data (Gelman et al., Bayesian Data Analysis, 2.6).
    """
    return math.sqrt((weight * spread**2 + count * found**2) / (weight + count))
