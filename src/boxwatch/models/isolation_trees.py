"""Growing the trees of an Isolation Forest, all of them at once, one level at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.matrix import Float64

_EULER: Final = 0.5772156649015329


@dataclass(frozen=True)
class Forest:
    """Complete binary trees as arrays per level; node i of a level has children 2i and 2i + 1.

    `feature[l]`, `threshold[l]`: the cut of each node of level l, shape (trees * 2^l,); a row goes
    to 2i + 1 when its value is beyond the threshold. A leaf has threshold infinity, so its rows
    pass through 2i to the last level. `size[l]`: training windows in each node, one level more.
    `path`: path length of each node of the last level. `gain[l]`: by how much reaching a node of
    level l + 1 from its parent shortened the expected path.
    """

    features: int
    feature: list[NDArray[np.int64]]
    threshold: list[Float64]
    size: list[NDArray[np.int64]]
    path: Float64 = field(init=False)
    gain: list[Float64] = field(init=False)

    def __post_init__(self) -> None:
        expected = [usual_path(size) for size in self.size]
        steps = np.zeros(len(self.size[0]))
        gain = []
        for level, threshold in enumerate(self.threshold):
            cut = np.repeat(np.isfinite(threshold), 2)
            steps = np.repeat(steps, 2) + cut
            gain.append(np.where(cut, np.repeat(expected[level], 2) - 1 - expected[level + 1], 0.0))
        object.__setattr__(self, "path", steps + expected[-1])
        object.__setattr__(self, "gain", gain)


def usual_path(size: NDArray[np.int64]) -> Float64:
    """c(n) of the paper: the mean path of an unsuccessful search in a binary tree of n windows."""
    n = np.maximum(size.astype(np.float64), 2.0)
    path = 2.0 * (np.log(np.maximum(n - 1.0, 1.0)) + _EULER) - 2.0 * (n - 1.0) / n
    return np.where(size <= 1, 0.0, np.where(size == 2, 1.0, path))


def grow(rows: Float64, trees: int, sample: int, rng: np.random.Generator) -> Forest:
    """Grow `trees` trees from `sample` windows each, as deep as log2 of the sample."""
    sample = min(sample, len(rows))
    drawn = [rng.choice(len(rows), sample, replace=False, shuffle=False) for _ in range(trees)]
    values = rows[np.concatenate(drawn)]
    node = np.repeat(np.arange(trees), sample)
    depth = max(1, int(np.ceil(np.log2(sample))))
    feature: list[NDArray[np.int64]] = []
    threshold: list[Float64] = []
    size: list[NDArray[np.int64]] = [np.full(trees, sample)]
    for level in range(depth):
        order = np.argsort(node, kind="stable")
        node, values = node[order], values[order]
        chosen, cut = _cuts(values, node, trees << level, rng)
        beyond = values[np.arange(len(node)), chosen[node]] > cut[node]
        node = 2 * node + beyond
        feature.append(chosen)
        threshold.append(cut)
        size.append(np.bincount(node, minlength=trees << (level + 1)))
    return Forest(rows.shape[1], feature, threshold, size)


def _cuts(
    values: Float64, node: NDArray[np.int64], nodes: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Float64]:
    """For each node a random feature that varies in it and a random place within its range."""
    present, first = np.unique(node, return_index=True)
    low = np.minimum.reduceat(values, first, axis=0)
    high = np.maximum.reduceat(values, first, axis=0)
    # One random key a feature; the greatest among those that vary wins: a fair draw.
    key = np.where(high > low, rng.random(low.shape), -1.0)
    pick = key.argmax(axis=1)
    each = np.arange(len(present))
    varies = key[each, pick] >= 0.0
    place = rng.random(len(present))
    start, end = low[each, pick], high[each, pick]
    # Below the greatest value, however the product rounds: both children get a window.
    within = np.minimum(start + place * (end - start), np.nextafter(end, start))
    chosen = np.zeros(nodes, dtype=np.int64)
    cut = np.full(nodes, np.inf)
    chosen[present] = np.where(varies, pick, 0)
    cut[present] = np.where(varies, within, np.inf)
    return chosen, cut
