"""Mahalanobis distance: how far a row is from the middle, by how rows usually vary together.

Mahalanobis 1936, with a ridge: every direction has at least `ridge` times the mean variance, so
that what never moved in training is sensed but does not drown the rest (regularised as in Friedman,
"Regularized discriminant analysis", JASA 1989). It sees a row that goes far out, and one whose
features part ways though each is within its range.

Contributions come from the symmetric root of the metric: each whitened value stays with the
feature it is most alike (Garthwaite and Koch, "Evaluating the contributions of individual
variables to a quadratic form", Australian and New Zealand Journal of Statistics 2016), so squares
sum to the squared distance and none is negative.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, blocks, clean, training_rows
from boxwatch.models.saved import expect, floats, not_fitted, number

_VERSION: Final = 1
_TINY: Final = 1e-12


class Mahalanobis:
    """Distance from the training mean in the metric of the ridged covariance.

    Args:
        ridge: Variance added to every direction, over the mean variance of a feature.
    """

    name: ClassVar[str] = "mahalanobis"
    least_windows: ClassVar[int] = 30

    def __init__(self, ridge: float = 0.01) -> None:
        self.ridge = ridge
        self._mean: Float64 | None = None
        self._root = np.empty((0, 0))

    def fit(self, x: Matrix, seed: int) -> None:  # noqa: ARG002 - nothing here is drawn at random
        """Learn mean and covariance."""
        rows = training_rows(x, self.least_windows, self.name)
        mean = rows.mean(axis=0)
        rows -= mean
        values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
        values = np.maximum(values, 0.0)
        ridged = values + max(self.ridge * float(values.mean()), _TINY)
        self._mean = mean
        self._root = (vectors / np.sqrt(ridged)) @ vectors.T

    def score(self, x: Matrix) -> Vector:
        """The distance."""
        return _length(self._whitened(x)).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each whitened value squared over the distance."""
        white = self._whitened(x)
        length = _length(white)
        usual = np.where(length > 0.0, length, 1.0)
        return np.asarray(np.square(white) / usual[:, None], dtype=np.float32)

    def save(self) -> Saved:
        """Mean and the root of the metric."""
        return Saved(
            {"mean": self._fitted(), "root": self._root},
            {"model": self.name, "version": _VERSION, "ridge": self.ridge},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(number(saved, "ridge"))
        detector._mean = floats(saved, "mean", (None,))
        features = len(detector._mean)
        detector._root = floats(saved, "root", (features, features))
        return detector

    def _fitted(self) -> Float64:
        if self._mean is None:
            raise not_fitted(self.name)
        return self._mean

    def _whitened(self, x: Matrix) -> Float64:
        mean = self._fitted()
        rows = clean(x, len(mean))
        rows -= mean
        for part in blocks(len(rows)):
            rows[part] = rows[part] @ self._root
        return rows


def _length(white: Float64) -> Float64:
    return np.asarray(np.sqrt(np.square(white).sum(axis=1)), dtype=np.float64)
