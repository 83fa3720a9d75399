"""Random Forest: what faults that were seen looked like, as a probability that can be believed.

Breiman, "Random forests", Machine Learning 45 (2001): 100 trees, both kinds of windows weighing as
much as each other. Each tree draws occasions, not rows: faults and stretches of ordinary time, as
many as there are, with repetition. An occasion that a tree did not draw is news to it, so the votes
of those trees are held-out votes, and `probability.Sigmoid` is fitted to them (Boström,
"Calibrating random forests", ICMLA 2008). Rows drawn one by one would be given away by their
neighbours in time.

It knows only the kinds of faults it was shown. What it was never shown is for the detectors, and a
probability holds where faults are as frequent as in training.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.classifier import Labels, Occasions
from boxwatch.models.decision_trees import Binned, Limits, Trees, grow
from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, blocks, clean, training_rows
from boxwatch.models.probability import Sigmoid
from boxwatch.models.saved import expect, floats, ints, not_fitted, number, whole

_VERSION: Final = 1
_BLOCK_ROWS: Final = 256
_LEAST_SHARE: Final = 1e-3  # of all rows' weight in each child of a cut
_LEAST_OCCASIONS: Final = 2
_TINY: Final = 1e-12


class RandomForest:
    """Mean share of faults over the leaves of a row, made a probability.

    Args:
        trees: How many trees.
        depth: The most cuts on the way to a leaf.
    """

    name: ClassVar[str] = "random_forest"
    least_windows: ClassVar[int] = 60

    def __init__(self, trees: int = 100, depth: int = 10) -> None:
        self.trees = trees
        self.depth = depth
        self._features = 0
        self._grown: Trees | None = None
        self._sigmoid = Sigmoid(1.0, 0.0)

    def fit(self, x: Matrix, fault: Labels, occasion: Occasions, seed: int) -> None:
        """Grow the trees, then fit the probability to the votes of those that were not shown."""
        order = _order(x, fault, occasion, self.least_windows, self.name)
        rows, fault = clean(x)[order], fault[order]
        _, occasion = np.unique(occasion[order], return_inverse=True)
        rng = np.random.default_rng(seed)
        drawn = _drawn(fault, occasion, self.trees, rng)
        balance = np.where(fault, 0.5 / fault.sum(), 0.5 / (~fault).sum())
        limits = Limits(self.depth, _LEAST_SHARE)
        self._features = rows.shape[1]
        weights = (times[occasion] * balance for times in drawn)
        self._grown = grow(Binned.of(rows, fault), fault.astype(np.float64), weights, limits, rng)
        votes, held = np.empty(len(rows)), np.empty(len(rows), bool)
        for part in blocks(len(rows), _BLOCK_ROWS):
            unseen = (drawn[:, occasion[part]] == 0).T
            leaves = self._grown.value.take(self._grown.paths(rows[part])[-1])
            asked = unseen.sum(axis=1)
            votes[part] = (leaves * unseen).sum(axis=1) / np.maximum(asked, 1)
            held[part] = asked > 0
        self._sigmoid = Sigmoid.fit(votes[held], fault[held])

    def score(self, x: Matrix) -> Vector:
        """The probability of a fault."""
        trees = self._fitted()
        rows = clean(x, self._features)
        votes = np.empty(len(rows))
        for part in blocks(len(rows), _BLOCK_ROWS):
            votes[part] = trees.value.take(trees.paths(rows[part])[-1]).mean(axis=1)
        return self._sigmoid.probability(votes).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """By how much each feature's cuts raised the share of faults, scaled to the probability.

        Along the way to a leaf the shares of the nodes rise and fall (Saabas 2014); features that
        lower it on the whole add nothing.
        """
        trees = self._fitted()
        rows = clean(x, self._features)
        parts = np.empty_like(rows)
        for part in blocks(len(rows), _BLOCK_ROWS):
            paths = trees.paths(rows[part])
            votes = trees.value.take(paths[-1]).mean(axis=1)
            raised = np.maximum(_raised(trees, paths, self._features), 0.0) + _TINY
            share = raised / raised.sum(axis=1, keepdims=True)
            parts[part] = share * self._sigmoid.probability(votes)[:, None]
        return parts.astype(np.float32)

    def save(self) -> Saved:
        """The trees as flat arrays, and the sigmoid."""
        trees = self._fitted()
        arrays: dict[str, NDArray[np.generic]] = {
            "roots": trees.roots,
            "feature": trees.feature.astype(np.int32),
            "threshold": trees.threshold,
            "child": trees.child.astype(np.int32),
            "value": trees.value,
        }
        meta: dict[str, object] = {
            "model": self.name,
            "version": _VERSION,
            "trees": self.trees,
            "depth": self.depth,
            "features": self._features,
            "nodes": len(trees.value),
            "slope": self._sigmoid.slope,
            "shift": self._sigmoid.shift,
        }
        return Saved(arrays, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The classifier that `save` described."""
        expect(saved, cls.name, _VERSION)
        model = cls(whole(saved, "trees"), whole(saved, "depth"))
        model._features = whole(saved, "features")
        nodes = (whole(saved, "nodes"),)
        model._grown = Trees(
            roots=ints(saved, "roots", (model.trees,), nodes[0]),
            feature=ints(saved, "feature", nodes, model._features),
            threshold=floats(saved, "threshold", nodes),
            child=ints(saved, "child", nodes, nodes[0]),
            value=floats(saved, "value", nodes),
            depth=model.depth,
        )
        model._sigmoid = Sigmoid(number(saved, "slope"), number(saved, "shift"))
        return model

    def _fitted(self) -> Trees:
        if self._grown is None:
            raise not_fitted(self.name)
        return self._grown


def _order(
    x: Matrix, fault: Labels, occasion: Occasions, least: int, name: str
) -> NDArray[np.intp]:
    """The order of rows that depends on them alone, not on how they came.

    Raises:
        ModelError: too few rows or occasions, or labels that are not one a row.
    """
    training_rows(x, least, name)  # raises where there are too few
    if fault.shape != (len(x),) or occasion.shape != (len(x),) or fault.dtype != np.bool_:
        raise ModelError(
            f"{name} needs a label and an occasion for each of {len(x)} windows, "
            f"not {fault.dtype} {fault.shape!r} and {occasion.shape!r}.",
        )
    with_fault = np.unique(occasion[fault])
    without = np.setdiff1d(occasion, with_fault)
    if min(len(with_fault), len(without)) < _LEAST_OCCASIONS:
        raise ModelError(
            f"{name} needs {_LEAST_OCCASIONS} faults and as many occasions without one, "
            f"not {len(with_fault)} and {len(without)}.",
            hint="Label more windows, or let faults be injected.",
        )
    return np.lexsort([*clean(x).T, fault, occasion])


def _drawn(
    fault: Labels, occasion: Occasions, trees: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """How often each tree draws each occasion, those with and without faults apart."""
    count = int(occasion.max()) + 1
    faulty = np.bincount(occasion, fault, count) > 0
    drawn = np.zeros((trees, count), np.int64)
    for some in (np.flatnonzero(faulty), np.flatnonzero(~faulty)):
        picks = rng.choice(some, (trees, len(some)))
        np.add.at(drawn, (np.arange(trees)[:, None], picks), 1)
    return drawn


def _raised(trees: Trees, paths: list[NDArray[np.int64]], features: int) -> Float64:
    """Mean over trees of what cuts on each feature added to the share of faults."""
    rows, count = paths[0].shape
    own = (np.arange(rows) * features)[:, None]
    total = np.zeros(rows * features)
    for here, there in pairwise(paths):
        added = (trees.value.take(there) - trees.value.take(here)).ravel()
        total += np.bincount((trees.feature.take(here) + own).ravel(), added, rows * features)
    return np.asarray(total.reshape(rows, features) / count, dtype=np.float64)
