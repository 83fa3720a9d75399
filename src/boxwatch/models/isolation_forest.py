"""Isolation Forest: how few random cuts part a window from the others.

Liu, Ting and Zhou, "Isolation Forest", ICDM 2008: 100 trees, 256 windows each, and the score
2^(-E[path] / c(256)) in (0, 1). The trees are plain arrays and every tree and row takes its next
step at once; grown level by level in `isolation_trees`.

Saturates: cuts are drawn within the training range, so a window far outside scores no higher than
one at its edge, and a feature that never varied in training is never cut. The other detectors see
those.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.isolation_trees import Forest, grow, usual_path
from boxwatch.models.matrix import Float64, blocks, clean, training_rows
from boxwatch.models.saved import expect, floats, ints, not_fitted, whole

_VERSION: Final = 1
_BLOCK_ROWS: Final = 256  # times 100 trees: the working arrays stay in the second-level cache


class IsolationForest:
    """Short average path to isolation over random trees.

    Args:
        trees: How many trees.
        sample: How many windows each tree is grown from; fewer when training has fewer.
    """

    name: ClassVar[str] = "isolation_forest"
    least_windows: ClassVar[int] = 100

    def __init__(self, trees: int = 100, sample: int = 256) -> None:
        self.trees = trees
        self.sample = sample
        self._forest: Forest | None = None

    def fit(self, x: Matrix, seed: int) -> None:
        """Grow the trees."""
        rows = training_rows(x, self.least_windows, self.name)
        self._forest = grow(rows, self.trees, self.sample, np.random.default_rng(seed))

    def score(self, x: Matrix) -> Vector:
        """2^(-E[path] / c(sample)): about 0.5 for a usual window, towards 1 for a strange one."""
        forest = self._fitted()
        rows = clean(x, forest.features)
        path = np.empty(len(rows))
        for part in blocks(len(rows), _BLOCK_ROWS):
            leaf = _descend(forest, rows[part])[-1]
            path[part] = forest.path.take(leaf).mean(axis=1)
        return self._from_path(path).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """What each feature's cuts shorten the path by, scaled to sum to the score.

        A cut shortens the expected path by c(windows before) - 1 - c(windows after); over a path
        these sum to c(sample) - path exactly. A feature whose cuts lengthen it adds nothing.
        """
        forest = self._fitted()
        rows = clean(x, forest.features)
        gain = np.empty_like(rows)
        path = np.empty(len(rows))
        for part in blocks(len(rows), _BLOCK_ROWS):
            nodes = _descend(forest, rows[part])
            path[part] = forest.path.take(nodes[-1]).mean(axis=1)
            gain[part] = _gains(forest, nodes)
        gain = np.maximum(gain, 0.0)
        total = gain.sum(axis=1)
        gain[total <= 0.0] = 1.0  # no cut shortened the path: an ordinary window, equal shares
        share = gain / gain.sum(axis=1, keepdims=True)
        return np.asarray(share * self._from_path(path)[:, None], dtype=np.float32)

    def save(self) -> Saved:
        """Per level of the trees: the cut's feature and threshold, and the windows in each node."""
        forest = self._fitted()
        return Saved(
            {
                "feature": np.concatenate(forest.feature).astype(np.int32),
                "threshold": np.concatenate(forest.threshold),
                "size": np.concatenate(forest.size).astype(np.int32),
            },
            {
                "model": self.name,
                "version": _VERSION,
                "trees": self.trees,
                "sample": self.sample,
                "features": forest.features,
                "depth": len(forest.feature),
            },
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(whole(saved, "trees"), whole(saved, "sample"))
        features, depth = whole(saved, "features"), whole(saved, "depth")
        ends = np.cumsum([detector.trees << level for level in range(depth + 1)])
        cuts, nodes = (int(ends[-2]),), (int(ends[-1]),)
        detector._forest = Forest(
            features=features,
            feature=np.split(ints(saved, "feature", cuts, features), ends[: depth - 1]),
            threshold=np.split(floats(saved, "threshold", cuts), ends[: depth - 1]),
            size=np.split(ints(saved, "size", nodes, detector.sample + 1), ends[:depth]),
        )
        return detector

    def _fitted(self) -> Forest:
        if self._forest is None:
            raise not_fitted(self.name)
        return self._forest

    def _from_path(self, path: Float64) -> Float64:
        usual = float(usual_path(self._fitted().size[0][:1])[0])
        return np.asarray(np.exp2(-path / max(usual, 1.0)), dtype=np.float64)


def _descend(forest: Forest, rows: Float64) -> list[NDArray[np.int64]]:
    """The node of every row in every tree, per level, shape (rows, trees) each.

    Nodes of a level are numbered across trees, so the children of node i are 2i and 2i + 1.
    """
    values = rows.ravel()
    start = (np.arange(len(rows)) * forest.features)[:, None]
    node = np.broadcast_to(np.arange(len(forest.size[0])), (len(rows), len(forest.size[0])))
    nodes = [np.ascontiguousarray(node)]
    for feature, threshold in zip(forest.feature, forest.threshold, strict=True):
        column = feature.take(nodes[-1])
        column += start
        beyond = values.take(column) > threshold.take(nodes[-1])
        child = nodes[-1] * 2
        child += beyond
        nodes.append(child)
    return nodes


def _gains(forest: Forest, nodes: list[NDArray[np.int64]]) -> Float64:
    """Mean shortening of the path by each feature's cuts, shape (rows, features)."""
    rows, trees = nodes[0].shape
    start = (np.arange(rows) * forest.features)[:, None]
    total = np.zeros(rows * forest.features)
    for level, (here, child) in enumerate(pairwise(nodes)):
        where = (forest.feature[level].take(here) + start).ravel()
        gained = forest.gain[level].take(child).ravel()
        total += np.bincount(where, weights=gained, minlength=len(total))
    return np.asarray(total.reshape(rows, forest.features) / trees, dtype=np.float64)
