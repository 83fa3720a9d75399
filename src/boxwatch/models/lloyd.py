"""k-means in numpy: greedy k-means++ seeding and bounded Lloyd iterations.

Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007; the greedy
form tries a few candidates a step and keeps the best.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.matrix import Float64

_ITERATIONS: Final = 50
_TOLERANCE: Final = 1e-4  # of the inertia: the iterations end when it falls by less


def cluster(
    rows: Float64, count: int, rng: np.random.Generator, starts: int
) -> tuple[Float64, NDArray[np.intp]]:
    """At most `count` centres of `rows` and the centre each row belongs to; the best of `starts`.

    There are fewer centres than `count` only when there are fewer distinct rows.
    """
    lengths = np.square(rows).sum(axis=1)
    best: tuple[Float64, NDArray[np.intp]] | None = None
    least = np.inf
    for _ in range(starts):
        centres, member, inertia = _lloyd(rows, lengths, _seed(rows, lengths, count, rng))
        if best is None or inertia < least:
            best, least = (centres, member), inertia
    assert best is not None  # noqa: S101 - callers ask for at least one start
    return best


def _distances(rows: Float64, lengths: Float64, centres: Float64) -> Float64:
    """Squared distances by one matrix product: for fitting, where speed matters more than bits."""
    squared = lengths[:, None] - 2.0 * (rows @ centres.T) + np.square(centres).sum(axis=1)
    return np.asarray(np.maximum(squared, 0.0), dtype=np.float64)


def _seed(rows: Float64, lengths: Float64, count: int, rng: np.random.Generator) -> Float64:
    tries = 2 + int(np.log(count))
    centres = rows[[rng.integers(len(rows))]]
    closest = _distances(rows, lengths, centres)[:, 0]
    while len(centres) < count and closest.max() > 1e-9:
        chance = np.cumsum(closest)
        picks = np.searchsorted(chance, rng.random(tries) * chance[-1], side="right")
        candidates = rows[np.minimum(picks, len(rows) - 1)]
        after = np.minimum(closest[:, None], _distances(rows, lengths, candidates))
        winner = int(after.sum(axis=0).argmin())
        centres = np.vstack([centres, candidates[winner]])
        closest = after[:, winner]
    return centres


def _lloyd(
    rows: Float64, lengths: Float64, centres: Float64
) -> tuple[Float64, NDArray[np.intp], float]:
    before = np.inf
    for _ in range(_ITERATIONS):
        squared = _distances(rows, lengths, centres)
        member = squared.argmin(axis=1)
        inertia = float(squared[np.arange(len(rows)), member].sum())
        centres = _means(rows, member, centres)
        if before - inertia <= _TOLERANCE * inertia:
            break
        before = inertia
    return centres, member, inertia


def _means(rows: Float64, member: NDArray[np.intp], centres: Float64) -> Float64:
    """The mean of each centre's members; a centre without members stays."""
    belongs = np.zeros((len(centres), len(rows)))
    belongs[member, np.arange(len(rows))] = 1.0
    size = belongs.sum(axis=1)
    means = belongs @ rows / np.maximum(size, 1.0)[:, None]
    return np.where(size[:, None] > 0.0, means, centres)
