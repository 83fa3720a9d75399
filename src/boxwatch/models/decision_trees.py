"""Growing decision trees on binned features, a level at a time.

Breiman, "Random forests", Machine Learning 45 (2001): each tree sees its own weights of the rows,
each cut chooses among a random few features. Values are put into at most 64 bins by their quantiles
once, so that the best cut of all nodes of a level comes from one count (as in Ranka and Singh,
"CLOUDS", KDD 1998, and in today's boosting libraries).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.matrix import Float64

Int64 = NDArray[np.int64]

_BINS: Final = 64
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees as flat arrays; the children of a node stand next to each other.

    A row at node i goes to `child[i]`, or to the one after it where its value of `feature[i]` is
    beyond `threshold[i]`. A leaf is its own child and nothing is beyond its threshold. `value`: the
    weighted share of faults among the training rows of each node.
    """

    roots: Int64
    feature: Int64
    threshold: Float64
    child: Int64
    value: Float64
    depth: int

    def paths(self, rows: Float64) -> list[Int64]:
        """The node of every row in every tree, per level, shape (rows, trees) each."""
        values = rows.ravel()
        own = (np.arange(len(rows)) * rows.shape[1])[:, None]
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        paths = [node]
        for _ in range(self.depth):
            beyond = values.take(self.feature.take(node) + own) > self.threshold.take(node)
            node = self.child.take(node) + beyond
            paths.append(node)
        return paths


@dataclass(frozen=True, slots=True)
class Binned:
    """Rows as numbers of bins; bin b of a feature holds values up to `edges[b, feature]`."""

    codes: NDArray[np.uint8]
    edges: Float64

    @classmethod
    def of(cls, rows: Float64, fault: NDArray[np.bool_]) -> Binned:
        """Bin by quantiles, half of them of faults, half of others; both kinds must be there.

        Faults are few: quantiles of all rows would leave them one bin.
        """
        half = _BINS // 2
        levels = (np.arange(half) + 0.5) / half
        kinds = (rows[fault], rows[~fault])
        every = [np.quantile(kind, levels, axis=0, method="nearest") for kind in kinds]
        edges = np.sort(np.vstack(every), axis=0)[1:]
        codes = np.empty(rows.shape, np.uint8)
        for column in range(rows.shape[1]):
            codes[:, column] = np.searchsorted(edges[:, column], rows[:, column], side="left")
        return cls(codes, edges)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far trees grow: `depth` levels, and each child weighs at least `least` of the rows."""

    depth: int
    least: float


def grow(
    binned: Binned,
    fault: Float64,
    weights: Iterable[Float64],
    limits: Limits,
    rng: np.random.Generator,
) -> Trees:
    """Grow a tree for each of `weights`, one a row, 0 = not shown; `fault` is 0 or 1 a row."""
    grown = [_grow(binned, fault, weight, limits, rng) for weight in weights]
    ends = np.cumsum([0, *(len(tree.value) for tree in grown)])
    return Trees(
        roots=ends[:-1].astype(np.int64),
        feature=np.concatenate([tree.feature for tree in grown]),
        threshold=np.concatenate([tree.threshold for tree in grown]),
        child=np.concatenate(
            [tree.child + start for tree, start in zip(grown, ends[:-1], strict=True)]
        ),
        value=np.concatenate([tree.value for tree in grown]),
        depth=limits.depth,
    )


@dataclass(frozen=True, slots=True)
class _Level:
    """The rows that came to a level, and at which of its `nodes` each is."""

    codes: NDArray[np.uint8]
    weight: Float64
    fault: Float64
    node: Int64
    nodes: int

    def values(self) -> Float64:
        """The weighted share of faults in each node."""
        whole = np.bincount(self.node, self.weight, self.nodes)
        faults = np.bincount(self.node, self.weight * self.fault, self.nodes)
        return np.asarray(faults / np.maximum(whole, _TINY), dtype=np.float64)

    def cut(self, feature: Int64, last: Int64) -> _Level:
        """The next level: left go the rows up to bin `last` of `feature`; -1 is no cut."""
        splits = last >= 0
        first = 2 * (np.cumsum(splits) - 1)
        goes = splits[self.node]
        node, codes = self.node[goes], self.codes[goes]
        beyond = codes[np.arange(len(node)), feature[node]] > last[node]
        child = first[node] + beyond
        return _Level(codes, self.weight[goes], self.fault[goes], child, 2 * int(splits.sum()))


def _grow(
    binned: Binned, fault: Float64, weight: Float64, limits: Limits, rng: np.random.Generator
) -> Trees:
    kept = weight > 0.0
    rows = int(kept.sum())
    level = _Level(binned.codes[kept], weight[kept], fault[kept], np.zeros(rows, np.int64), 1)
    parts: list[tuple[Int64, Float64, Int64, Float64]] = []
    total = 0
    for depth in range(limits.depth + 1):
        feature, last = np.zeros(level.nodes, np.int64), np.full(level.nodes, -1)
        if depth < limits.depth:
            feature, last = _best(level, limits.least, rng)
        splits = last >= 0
        threshold = np.where(splits, binned.edges[np.maximum(last, 0), feature], np.inf)
        place = total + np.arange(level.nodes)
        total += level.nodes
        child = np.where(splits, total + 2 * (np.cumsum(splits) - 1), place)
        parts.append((np.where(splits, feature, 0), threshold, child, level.values()))
        if not splits.any():
            break
        level = level.cut(feature, last)
    features, thresholds, children, values = zip(*parts, strict=True)
    return Trees(
        roots=np.zeros(1, np.int64),
        feature=np.concatenate(features),
        threshold=np.concatenate(thresholds),
        child=np.concatenate(children),
        value=np.concatenate(values),
        depth=limits.depth,
    )


def _best(level: _Level, least: float, rng: np.random.Generator) -> tuple[Int64, Int64]:
    """The feature and the last bin of the left child for each node; -1 where no cut helps."""
    nodes, features = level.nodes, level.codes.shape[1]
    tried = max(1, round(np.sqrt(features)))
    chosen = np.argsort(rng.random((nodes, features)), axis=1)[:, :tried]
    place = (level.node[:, None] * tried + np.arange(tried)) * _BINS
    place += np.take_along_axis(level.codes, chosen[level.node], axis=1)
    weight = np.repeat(level.weight, tried)
    left = _up_to(place, weight, (nodes, tried, _BINS))
    faulty = _up_to(place, weight * np.repeat(level.fault, tried), (nodes, tried, _BINS))
    right, rest = left[:, :, -1:] - left, faulty[:, :, -1:] - faulty
    mixed = _mixed(left, faulty) + _mixed(right, rest)
    mixed[(left < least) | (right < least)] = np.inf
    flat = mixed.reshape(nodes, -1)
    best = flat.argmin(axis=1)
    before = _mixed(left[:, 0, -1], faulty[:, 0, -1])
    helps = flat[np.arange(nodes), best] < before - _TINY
    feature = chosen[np.arange(nodes), best // _BINS]
    return feature, np.where(helps, best % _BINS, -1)


def _up_to(place: Int64, weight: Float64, shape: tuple[int, int, int]) -> Float64:
    """The weight in each bin and those before it."""
    counted = np.bincount(place.ravel(), weight, shape[0] * shape[1] * shape[2])
    return np.asarray(counted.reshape(shape).cumsum(axis=2), dtype=np.float64)


def _mixed(whole: Float64, faults: Float64) -> Float64:
    """Gini's impurity times the weight, halved: the less of both kinds in a child, the better."""
    return np.asarray(faults * (whole - faults) / np.maximum(whole, _TINY), dtype=np.float64)
