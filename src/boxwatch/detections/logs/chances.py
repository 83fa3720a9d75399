"""Tail probabilities of counts: how likely so many are by chance alone."""

from __future__ import annotations

import math


def poisson_tail(count: int, mean: float) -> float:
    """The chance of `count` or more where `mean` are expected."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if mean >= count:
        return 1.0  # not in the upper tail: nobody asks how far
    term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    total, number = 0.0, count
    while term > total * 1e-12:
        total += term
        number += 1
        term *= mean / number
    return min(1.0, total)


def binomial_tail(hits: int, trials: int, chance: float) -> float:
    """The chance of `hits` or more among `trials` of which each is one with `chance`."""
    return min(
        1.0,
        sum(
            math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k)
            for k in range(max(hits, 0), trials + 1)
        ),
    )
