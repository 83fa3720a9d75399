"""PCA reconstruction: how far a window is from the plane in which normal windows move.

Jackson and Mudholkar, "Control procedures for residuals associated with principal component
analysis", Technometrics 21 (1979): the score is the square root of their Q, the length of what the
kept components cannot rebuild. It sees features that part ways though each is within its range; a
window that goes far out along the plane itself is for the other detectors.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, body_scale, clean, row_product, training_rows
from boxwatch.models.saved import expect, floats, not_fitted, number

_VERSION: Final = 1
_FIRST_LOOK: Final = 5.0  # values are held within this in the first fit: no window may steer it
_TINY: Final = 1e-12


class PCA:
    """Length of the residual outside the components that carry `variance` of the training windows.

    Args:
        variance: The share of variance whose components count as normal movement, 0 to 1; fewer
            components when the next would be chance, or more than half as many as features.
        trim: The share of strangest training windows left out of the second, final fit.
    """

    name: ClassVar[str] = "pca"
    least_windows: ClassVar[int] = 30

    def __init__(self, variance: float = 0.95, trim: float = 0.02) -> None:
        self.variance = variance
        self.trim = trim
        self._scale: Float64 | None = None
        self._mean = np.empty(0)
        self._residual = np.empty((0, 0))

    def fit(self, x: Matrix, seed: int) -> None:  # noqa: ARG002 - nothing here is drawn at random
        """Fit, leave out the strangest windows, fit again."""
        rows = training_rows(x, self.least_windows, self.name)
        self._scale = body_scale(rows)
        rows /= self._scale
        out = int(len(rows) * self.trim)
        if out > 0:
            mean, values, vectors = _components(np.clip(rows, -_FIRST_LOOK, _FIRST_LOOK))
            # Squared Mahalanobis length, small directions held up: strange in or off the plane.
            floor = max(float(values.mean()) * 0.1, _TINY)
            strange = np.square((rows - mean) @ vectors) @ (1.0 / np.maximum(values, floor))
            rows = rows[np.sort(np.argsort(strange, kind="stable")[:-out])]
        self._mean, values, vectors = _components(rows)
        kept = vectors[:, : self._kept(values, len(rows))]
        self._residual = np.eye(len(kept)) - kept @ kept.T

    def score(self, x: Matrix) -> Vector:
        """The length of the residual, in spreads."""
        return _length(self._left_over(x)).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's squared residual over the score."""
        squares = np.square(self._left_over(x))
        length = np.sqrt(squares.sum(axis=1))
        usual = np.where(length > 0.0, length, 1.0)
        return np.asarray(squares / usual[:, None], dtype=np.float32)

    def save(self) -> Saved:
        """Scales, mean and the projection on the residual space."""
        return Saved(
            {"scale": self._fitted(), "mean": self._mean, "residual": self._residual},
            {
                "model": self.name,
                "version": _VERSION,
                "variance": self.variance,
                "trim": self.trim,
            },
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(number(saved, "variance"), number(saved, "trim"))
        detector._scale = floats(saved, "scale", (None,))
        features = len(detector._scale)
        detector._mean = floats(saved, "mean", (features,))
        detector._residual = floats(saved, "residual", (features, features))
        return detector

    def _kept(self, values: Float64, rows: int) -> int:
        total = float(values.sum())
        if total <= _TINY:
            return 0
        enough = int(np.searchsorted(np.cumsum(values) / total, self.variance)) + 1
        # The greatest variance that unrelated features show in so many rows (Marchenko and Pastur
        # 1967): a component below it is chance, and keeping it would hide its features.
        chance = total / len(values) * (1.0 + np.sqrt(len(values) / rows)) ** 2
        return min(enough, int((values > chance).sum()), len(values) // 2)

    def _fitted(self) -> Float64:
        if self._scale is None:
            raise not_fitted(self.name)
        return self._scale

    def _left_over(self, x: Matrix) -> Float64:
        scale = self._fitted()
        return row_product(clean(x, len(scale)) / scale - self._mean, self._residual)


def _components(rows: Float64) -> tuple[Float64, Float64, Float64]:
    """Mean, variances in falling order and their unit directions (columns)."""
    mean = rows.mean(axis=0)
    centred = rows - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
    return mean, np.maximum(values[::-1], 0.0), vectors[:, ::-1]


def _length(residual: Float64) -> Float64:
    return np.asarray(np.sqrt(np.square(residual).sum(axis=1)), dtype=np.float64)
