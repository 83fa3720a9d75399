"""Robust z: how far out the farthest features are.

Windows come standardised by median and spread, so |x| is a robust z already. The score is the
4-norm of |x| over each feature's own width: between the greatest |z| and their sum, so that
one feature far out is enough and several somewhat out add up.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, body_scale, clean, training_rows
from boxwatch.models.saved import expect, floats, not_fitted

_POWER: Final = 4
_VERSION: Final = 1


class RobustZ:
    """The 4-norm of robust z values; the one detector that works from a handful of windows."""

    name: ClassVar[str] = "robust_z"
    least_windows: ClassVar[int] = 3

    def __init__(self) -> None:
        self._scale: Float64 | None = None

    def fit(self, x: Matrix, seed: int) -> None:  # noqa: ARG002 - nothing here is drawn at random
        """Learn each feature's width."""
        self._scale = body_scale(training_rows(x, self.least_windows, self.name))

    def score(self, x: Matrix) -> Vector:
        """The 4-norm of |x| over the widths."""
        return self._norm(self._powers(x)).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's share of the sum of fourth powers, times the score."""
        powers = self._powers(x)
        norm = self._norm(powers)
        usual = np.where(norm > 0.0, norm, 1.0)
        return np.asarray(powers / usual[:, None] ** (_POWER - 1), dtype=np.float32)

    def save(self) -> Saved:
        """The widths."""
        return Saved({"scale": self._fitted()}, {"model": self.name, "version": _VERSION})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls()
        detector._scale = floats(saved, "scale", (None,))
        return detector

    def _fitted(self) -> Float64:
        if self._scale is None:
            raise not_fitted(self.name)
        return self._scale

    def _powers(self, x: Matrix) -> Float64:
        scale = self._fitted()
        squares = np.square(clean(x, len(scale)) / scale)
        return np.asarray(np.square(squares), dtype=np.float64)

    @staticmethod
    def _norm(powers: Float64) -> Float64:
        return np.asarray(np.sqrt(np.sqrt(powers.sum(axis=1))), dtype=np.float64)
