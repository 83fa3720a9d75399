"""One-Class SVM: the smoothest region that holds nearly all training rows, and how far outside.

Schölkopf, Platt, Shawe-Taylor, Smola and Williamson, "Estimating the support of a high-dimensional
distribution", Neural Computation 13 (2001), with a Gaussian kernel as wide as scikit-learn's
`gamma="scale"`. Its decision is f(x) = sum of weight * exp(-gamma * distance^2) over the support
vectors, weights summing to 1. The score is -log f(x): the same order of rows as f has, but it does
not saturate. Far outside, f is 0 to the last bit while its logarithm still tells far from farther;
it is what physics calls a free energy, a soft minimum of the squared distances.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import (
    Float64,
    blocks,
    body_scale,
    clean,
    squared_distances,
    training_rows,
)
from boxwatch.models.saved import expect, floats, not_fitted, number, whole
from boxwatch.models.support import support_weights

_VERSION: Final = 1
_FIRST_LOOK: Final = 5.0  # values are held within this for the kernel's width
_TINY: Final = 1e-12
_BLOCK_ROWS: Final = 256


class OneClassSVM:
    """-log of the kernel density of the support vectors.

    Args:
        nu: At most this share of the training rows is outside; at least this share supports.
        most_rows: How many training rows are learned from at most, drawn at random; time and
            memory grow with their square.
    """

    name: ClassVar[str] = "one_class_svm"
    least_windows: ClassVar[int] = 30

    def __init__(self, nu: float = 0.01, most_rows: int = 2000) -> None:
        self.nu = nu
        self.most_rows = most_rows
        self._scale: Float64 | None = None
        self._gamma = 1.0
        self._vectors = np.empty((0, 0))
        self._weights = np.empty(0)

    def fit(self, x: Matrix, seed: int) -> None:
        """Find the support vectors and their weights."""
        rows = training_rows(x, self.least_windows, self.name)
        self._scale = body_scale(rows)
        rows /= self._scale
        if len(rows) > self.most_rows:
            rng = np.random.default_rng(seed)
            rows = rows[np.sort(rng.choice(len(rows), self.most_rows, replace=False))]
        variance = float(np.clip(rows, -_FIRST_LOOK, _FIRST_LOOK).var())
        self._gamma = 1.0 / (rows.shape[1] * variance) if variance > _TINY else 1.0
        weights = support_weights(np.exp(-self._gamma * _apart(rows)), self.nu)
        self._vectors, self._weights = rows[weights > 0.0], weights[weights > 0.0]

    def score(self, x: Matrix) -> Vector:
        """-log f: 0 on top of a lone support vector, higher farther from all."""
        rows = self._scaled(x)
        score = np.empty(len(rows))
        for part in blocks(len(rows), _BLOCK_ROWS):
            score[part] = self._energy(rows[part])[0]
        return score.astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's part of the squared distances, as near vectors count, up to the score."""
        rows = self._scaled(x)
        parts = np.empty_like(rows)
        for part in blocks(len(rows), _BLOCK_ROWS):
            score, near = self._energy(rows[part])
            for feature in range(rows.shape[1]):
                apart = np.square(rows[part, feature, None] - self._vectors[:, feature])
                parts[part, feature] = (near * apart).sum(axis=1)
            parts[part] += _TINY
            parts[part] *= (score / parts[part].sum(axis=1))[:, None]
        return parts.astype(np.float32)

    def save(self) -> Saved:
        """Scales, support vectors and their weights."""
        return Saved(
            {"scale": self._fitted(), "vectors": self._vectors, "weights": self._weights},
            {
                "model": self.name,
                "version": _VERSION,
                "nu": self.nu,
                "most_rows": self.most_rows,
                "gamma": self._gamma,
            },
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(number(saved, "nu"), whole(saved, "most_rows"))
        detector._gamma = number(saved, "gamma")
        detector._scale = floats(saved, "scale", (None,))
        detector._vectors = floats(saved, "vectors", (None, len(detector._scale)))
        detector._weights = floats(saved, "weights", (len(detector._vectors),))
        return detector

    def _fitted(self) -> Float64:
        if self._scale is None:
            raise not_fitted(self.name)
        return self._scale

    def _scaled(self, x: Matrix) -> Float64:
        scale = self._fitted()
        return clean(x, len(scale)) / scale

    def _energy(self, rows: Float64) -> tuple[Float64, Float64]:
        """-log f of each row, and how much each vector counts for it, shape (rows, vectors)."""
        exponent = np.log(self._weights) - self._gamma * squared_distances(rows, self._vectors)
        greatest = exponent.max(axis=1, keepdims=True)
        near = np.exp(exponent - greatest)
        total = near.sum(axis=1, keepdims=True)
        energy = -(greatest + np.log(total))[:, 0]
        return np.maximum(energy, 0.0), near / total


def _apart(rows: Float64) -> Float64:
    """Squared distances of all rows from each other; by the product of matrices, which is fast."""
    length = np.square(rows).sum(axis=1)
    squared = length[:, None] + length - 2.0 * (rows @ rows.T)
    np.fill_diagonal(squared, 0.0)
    return np.asarray(np.maximum(squared, 0.0), dtype=np.float64)
