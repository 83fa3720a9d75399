"""How far two profiles lie apart, feature by feature, and how sure that is.

Four effects, each 0 where nothing changed:

- `distance`: the Kolmogorov-Smirnov distance, the greatest difference of the two distribution
  functions, from 0 to 1. At the edges of cells, so at most a cell's share below the exact one.
- `stability`: the population stability index over ten cells of equal share in the reference
  (Siddiqi, "Credit Risk Scorecards", 2006), the sum of (q - p) log(q / p).
- `shift`: the Wasserstein distance in units of the reference's spread: how far values moved.
- `unknown`: how much larger or smaller the share of unknown values became, from 0 to 1.

A test's p-value answers whether anything changed at all, and with a million rows something always
has. So an effect comes with bounds, and what counts is whether its lower bound is beyond what
matters. Bounds come from leaving out one stretch of time after another (the jackknife over blocks;
Künsch, Annals of Statistics 1989): rows near in time are alike, and counting them as independent
would make every bound too narrow. Stretches may be alike too, which widens the bounds further
(`dependence`); two lengths are tried, and the wider bounds hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.lifecycle.drift.dependence import more_varied
from boxwatch.lifecycle.drift.profile import Profile

Float64 = NDArray[np.float64]

NAMES: Final = ("distance", "stability", "shift", "unknown")
_MERGED: Final = (1, 2)  # blocks in one stretch
_DECILES: Final = 10
_FIRST, _LAST = 0.1, 0.9  # between these quantiles of the reference lies its spread


@dataclass(frozen=True, slots=True)
class Effects:
    """Each effect of each feature; arrays of shape (effects, features) in the order of `NAMES`.

    `value` has its bias taken off and is at least 0; `low` and `high` bound the true effect.
    `spread`, by feature, is what one unit of `shift` is in the feature's own.
    """

    value: Float64
    low: Float64
    high: Float64
    spread: Float64


@dataclass(frozen=True, slots=True)
class _Shape:
    """Counts of one profile, blocks added up: known by cell, and unknown, by feature."""

    counts: Float64
    unknown: Float64


def effects(reference: Profile, current: Profile, alpha: float) -> Effects:
    """What changed from `reference` to `current`, whose cells are the same.

    Args:
        reference: The rows that count as usual.
        current: The rows to compare.
        alpha: How often a bound may be on the wrong side of the true effect.
    """
    measure = _measure(reference, current)
    before, after = _sum(reference), _sum(current)
    whole = measure(before, after)
    bias, reach = np.zeros_like(whole), np.zeros_like(whole)
    for merged in _MERGED:
        one, two = _merged(reference, merged), _merged(current, merged)
        parts = (
            np.stack([measure(left, after) for left in _leaving_one_out(one)]),
            np.stack([measure(before, left) for left in _leaving_one_out(two)]),
        )
        more = [more_varied(part) for part in parts]
        variance = sum(
            (len(part) - 1) * part.var(axis=0) * factor
            for part, factor in zip(parts, more, strict=True)
        )
        if merged == 1:
            bias = sum(
                (len(part) - 1) * (part.mean(axis=0) - whole) * factor
                for part, factor in zip(parts, more, strict=True)
            )
        degrees = min(len(part) for part in parts) - 1
        reach = np.maximum(reach, student_quantile(1.0 - alpha, degrees) * np.sqrt(variance))
    value = np.maximum(whole - np.maximum(bias, 0.0), 0.0)
    low = np.maximum(value - reach, 0.0)
    return Effects(value, low, value + reach, _spread(reference))


def variation(reference: Profile, rows: int) -> Float64:
    """The greatest effects between a stretch of about `rows` rows of the reference and its rest.

    Days differ from nights: a stretch shorter than the reference may differ from it as much as
    stretches of the reference itself do, without anything new. Zero where the reference has not
    three stretches of that length; shape (effects, features).
    """
    blocks = len(reference.counts)
    length = max(-(-rows * blocks // max(reference.rows, 1)), 1)
    found = np.zeros((len(NAMES), len(reference.names)))
    if blocks < 3 * length:
        return found
    measure = _measure(reference, reference)
    for start in range(0, blocks - length + 1, max(length // 2, 1)):
        inside = np.zeros(blocks, bool)
        inside[start : start + length] = True
        found = np.maximum(found, measure(_sum(reference, ~inside), _sum(reference, inside)))
    return found


def student_quantile(p: float, degrees: int) -> float:
    """The quantile of Student's t (Abramowitz and Stegun 26.7.5); exact to 2 % from 9 degrees."""
    z = NormalDist().inv_cdf(p)
    v = float(max(degrees, 1))
    first = (z**3 + z) / (4 * v)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return z + first + second + third


def _sum(profile: Profile, blocks: NDArray[np.bool_] | None = None) -> _Shape:
    counts, unknown = profile.counts, profile.unknown
    if blocks is not None:
        counts, unknown = counts[blocks], unknown[blocks]
    return _Shape(counts.sum(axis=0).astype(np.float64), unknown.sum(axis=0).astype(np.float64))


def _merged(profile: Profile, blocks: int) -> Profile:
    """The same profile with `blocks` of its blocks made one."""
    starts = np.arange(0, len(profile.counts), blocks)
    return replace(
        profile,
        counts=np.add.reduceat(profile.counts, starts, axis=0),
        unknown=np.add.reduceat(profile.unknown, starts, axis=0),
    )


def _leaving_one_out(profile: Profile) -> list[_Shape]:
    whole = _sum(profile)
    return [
        _Shape(whole.counts - counts, whole.unknown - unknown)
        for counts, unknown in zip(profile.counts, profile.unknown, strict=True)
    ]


def _measure(reference: Profile, current: Profile) -> Callable[[_Shape, _Shape], Float64]:
    """The four effects as a function of the counts; what the cells are is settled here."""
    tenth = _tenths(_sum(reference).counts)
    widths = _widths(reference, current)

    def measure(before: _Shape, after: _Shape) -> Float64:
        p, q = _shares(before.counts), _shares(after.counts)
        apart = np.abs(np.cumsum(p, axis=1) - np.cumsum(q, axis=1))
        known = (before.counts.sum(axis=1) > 0) & (after.counts.sum(axis=1) > 0)
        found = np.stack(
            [
                apart.max(axis=1) * known,
                _stability(_gathered(before.counts, tenth), _gathered(after.counts, tenth)) * known,
                (apart[:, :-1] * widths).sum(axis=1) * known,
                np.abs(_unknown(before) - _unknown(after)),
            ]
        )
        return np.asarray(found, dtype=np.float64)

    return measure


def _shares(counts: Float64) -> Float64:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))


def _unknown(shape: _Shape) -> Float64:
    return np.asarray(shape.unknown / np.maximum(shape.unknown + shape.counts.sum(axis=1), 1.0))


def _tenths(counts: Float64) -> NDArray[np.int64]:
    """Which of ten groups each cell belongs to, by its middle in the reference."""
    share = _shares(counts)
    middle = np.cumsum(share, axis=1) - share / 2.0
    return np.minimum((middle * _DECILES).astype(np.int64), _DECILES - 1)


def _gathered(counts: Float64, tenth: NDArray[np.int64]) -> Float64:
    found = np.zeros((len(counts), _DECILES))
    np.add.at(found, (np.arange(len(counts))[:, None], tenth), counts)
    return found


def _stability(before: Float64, after: Float64) -> Float64:
    """Half a value is added to each group: an empty one would make the index infinite."""
    p = (before + 0.5) / (before + 0.5).sum(axis=1, keepdims=True)
    q = (after + 0.5) / (after + 0.5).sum(axis=1, keepdims=True)
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=1))


def _widths(reference: Profile, current: Profile) -> Float64:
    """How wide each cell's right side is from the next edge, in units of the spread.

    The distribution functions are compared after each cell; between two edges they are taken to
    differ as they do there. The outer cells end at the least and greatest value of either.
    """
    low = np.minimum(reference.reach[:, 0], current.reach[:, 0])
    high = np.maximum(reference.reach[:, 1], current.reach[:, 1])
    edges = np.clip(reference.edges, low[:, None], high[:, None])  # absent ones have no width
    bounds = np.column_stack([low, edges, high])
    gaps = np.maximum(np.diff(bounds, axis=1), 0.0)  # (features, edges + 1)
    widths = np.zeros((len(edges), 2 * edges.shape[1]))
    widths[:, 0::2] += gaps[:, :-1] / 2.0  # after the open cell left of an edge
    widths[:, 1::2] += gaps[:, 1:] / 2.0  # after the edge itself
    return np.asarray(widths / _spread(reference)[:, None])


def _spread(reference: Profile) -> Float64:
    """From the first to the last tenth of the reference; its reach, or 1, where that is nothing."""
    whole = np.cumsum(_shares(_sum(reference).counts), axis=1)[:, 1::2]  # up to each edge
    rows = np.arange(len(whole))
    last = reference.edges.shape[1] - 1
    first_edge = np.minimum((whole < _FIRST).sum(axis=1), last)
    last_edge = np.minimum((whole < _LAST).sum(axis=1), last)
    high = reference.edges[rows, last_edge]
    spread = np.where(np.isfinite(high), high, 0.0) - np.where(
        np.isfinite(reference.edges[rows, first_edge]), reference.edges[rows, first_edge], 0.0
    )
    reach = reference.reach[:, 1] - reference.reach[:, 0]
    return np.asarray(np.where(spread > 0.0, spread, np.where(reach > 0.0, reach, 1.0)))
