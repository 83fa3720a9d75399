"""Half-space trees: how few rows fell into the boxes in which a row lies, and goes on learning.

Tan, Ting and Liu, "Fast anomaly detection for streaming data", IJCAI 2011. The boxes are cut once,
at random, without a look at where rows lie within their range; only counts are learned. So it can
go on: `learn` counts the rows of the present window, and a full window takes the place of the one
that rows are judged by.

The score is how much emptier the boxes are than the emptiest counted one is full: 0 where all rows
of a window are in one smallest box. Saturates outside the range that `fit` saw.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, blocks, clean, training_rows
from boxwatch.models.saved import expect, floats, ints, not_fitted, whole

_VERSION: Final = 1
_BLOCK_ROWS: Final = 512
_COUNTED_ROWS: Final = 4096
_FEWEST: Final = 0.1  # of a window: a box with no more of it is not looked into; as in the paper
_TINY: Final = 1e-9


class HalfSpaceTrees:
    """-log of the mean density of a row's boxes.

    Args:
        trees: How many ways of cutting.
        depth: How often each box is halved.
        window: Rows of a window of `learn`.
    """

    name: ClassVar[str] = "half_space_trees"
    least_windows: ClassVar[int] = 30

    def __init__(self, trees: int = 50, depth: int = 10, window: int = 1000) -> None:
        self.trees = trees
        self.depth = depth
        self.window = window
        self._feature: NDArray[np.int64] | None = None  # (trees, 2^depth - 1), node 0 is the root
        self._threshold = np.empty((0, 0))
        self._counts = np.empty((0, 0))  # (trees, 2^(depth + 1) - 1), shares of the window
        self._next = np.empty((0, 0))  # counts of the window that is not full
        self._features = 0

    def fit(self, x: Matrix, seed: int) -> None:
        """Cut the range of `x` at random, and count all of its rows."""
        rows = training_rows(x, self.least_windows, self.name)
        self._features = rows.shape[1]
        self._cut(rows, np.random.default_rng(seed))
        counts = self._counted(rows)
        self._counts = counts / len(rows)
        self._next = np.zeros_like(counts)

    def learn(self, x: Matrix) -> None:
        """Count rows that came since; a window that is full replaces the one judged by."""
        self._fitted()
        rows = clean(x, self._features)
        at = 0
        while at < len(rows):
            room = self.window - int(self._next[0, 0])
            part = rows[at : at + room]
            self._next += self._counted(part)
            at += len(part)
            if len(part) == room:
                self._counts, self._next = self._next / self.window, np.zeros_like(self._next)

    def score(self, x: Matrix) -> Vector:
        """-log of the mean density, over that of a window in one smallest box."""
        self._fitted()
        rows = clean(x, self._features)
        score = np.empty(len(rows))
        for part in blocks(len(rows), _BLOCK_ROWS):
            score[part] = self._emptiness(self._paths(rows[part]))
        return score.astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """By how much each feature's cuts led into emptier halves, scaled to sum to the score."""
        self._fitted()
        rows = clean(x, self._features)
        parts = np.empty_like(rows)
        for part in blocks(len(rows), _BLOCK_ROWS):
            paths = self._paths(rows[part])
            gain = self._gains(paths) + _TINY
            parts[part] = gain * (self._emptiness(paths) / gain.sum(axis=1))[:, None]
        return parts.astype(np.float32)

    def save(self) -> Saved:
        """The cuts, the window judged by and the one that is being filled."""
        arrays: dict[str, NDArray[np.generic]] = {
            "feature": self._fitted().astype(np.int32),
            "threshold": self._threshold,
            "counts": self._counts,
            "next": self._next,
        }
        meta: dict[str, object] = {
            "model": self.name,
            "version": _VERSION,
            "trees": self.trees,
            "depth": self.depth,
            "window": self.window,
            "features": self._features,
        }
        return Saved(arrays, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(whole(saved, "trees"), whole(saved, "depth"), whole(saved, "window"))
        detector._features = whole(saved, "features")
        cuts = (detector.trees, 2**detector.depth - 1)
        boxes = (detector.trees, 2 ** (detector.depth + 1) - 1)
        detector._feature = ints(saved, "feature", cuts, detector._features)
        detector._threshold = floats(saved, "threshold", cuts)
        detector._counts = floats(saved, "counts", boxes)
        detector._next = floats(saved, "next", boxes)
        return detector

    def _fitted(self) -> NDArray[np.int64]:
        if self._feature is None:
            raise not_fitted(self.name)
        return self._feature

    def _cut(self, rows: Float64, rng: np.random.Generator) -> None:
        """Each tree's range is drawn about a random place in that of training, and halved."""
        shape = (self.trees, self._features)
        low, high = np.quantile(rows, (0.001, 0.999), axis=0)
        width = np.maximum(high - low, _TINY)
        centre = rng.random(shape)
        reach = 2.0 * np.maximum(centre, 1.0 - centre)
        lows = (low + (centre - reach) * width)[:, None]
        highs = (low + (centre + reach) * width)[:, None]
        each = np.arange(self.trees)[:, None]
        features, thresholds = [], []
        for level in range(self.depth):
            chosen = rng.integers(self._features, size=(self.trees, 2**level))
            node = np.arange(2**level)
            middle = 0.5 * (lows[each, node, chosen] + highs[each, node, chosen])
            lows, highs = np.repeat(lows, 2, axis=1), np.repeat(highs, 2, axis=1)
            highs[each, 2 * node, chosen] = middle
            lows[each, 2 * node + 1, chosen] = middle
            features.append(chosen)
            thresholds.append(middle)
        self._feature = np.hstack(features)
        self._threshold = np.hstack(thresholds)

    def _paths(self, rows: Float64) -> list[NDArray[np.int64]]:
        """The box of every row in every tree, per level, shape (rows, trees) each."""
        feature, threshold = self._fitted().ravel(), self._threshold.ravel()
        first = np.arange(self.trees) * self._fitted().shape[1]
        own = (np.arange(len(rows)) * self._features)[:, None]
        values = rows.ravel()
        node = np.zeros((len(rows), self.trees), np.int64)
        paths = [node]
        for _ in range(self.depth):
            cut = first + node
            node = 2 * node + 1 + (values.take(feature.take(cut) + own) >= threshold.take(cut))
            paths.append(node)
        return paths

    def _counted(self, rows: Float64) -> Float64:
        boxes = 2 ** (self.depth + 1) - 1
        first = np.arange(self.trees) * boxes
        counts = np.zeros(self.trees * boxes)
        for part in blocks(len(rows), _COUNTED_ROWS):
            every = np.stack(self._paths(rows[part])) + first
            counts += np.bincount(every.ravel(), minlength=len(counts))
        return counts.reshape(self.trees, boxes)

    def _shares(self, paths: list[NDArray[np.int64]]) -> list[Float64]:
        first = np.arange(self.trees) * self._counts.shape[1]
        return [self._counts.take(node + first) for node in paths]

    def _emptiness(self, paths: list[NDArray[np.int64]]) -> Float64:
        shares = self._shares(paths)
        density = shares[-1] * 2.0**self.depth
        for level in range(self.depth - 1, -1, -1):  # the first box with so few is not looked into
            few = shares[level] <= _FEWEST
            density = np.where(few, shares[level] * 2.0**level, density)
        mean = density.mean(axis=1) / 2.0**self.depth
        return np.asarray(-np.log(np.minimum(mean + self._least(), 1.0)), dtype=np.float64)

    def _least(self) -> float:
        return 1.0 / (self.window * self.trees * 2.0**self.depth)

    def _gains(self, paths: list[NDArray[np.int64]]) -> Float64:
        """Sum over cuts of log(parent / (2 * child)) where the child is the emptier half."""
        rows = len(paths[0])
        own = (np.arange(rows) * self._features)[:, None]
        first = np.arange(self.trees) * self._fitted().shape[1]
        shares = [share + 0.5 / self.window for share in self._shares(paths)]
        total = np.zeros(rows * self._features)
        for level, node in enumerate(paths[:-1]):
            where = (self._fitted().take(node + first) + own).ravel()
            gained = np.maximum(np.log(shares[level] / (2.0 * shares[level + 1])), 0.0).ravel()
            total += np.bincount(where, weights=gained, minlength=len(total))
        return np.asarray(total.reshape(rows, self._features), dtype=np.float64)
