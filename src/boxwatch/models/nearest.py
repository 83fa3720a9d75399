"""Nearest neighbour: how far a row is from the most alike of those seen in training.

Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets",
SIGMOD 2000, with one neighbour and a bounded memory of training rows. It assumes nothing of the
shape of what is normal: any number of usual situations, however bent.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, blocks, clean, training_rows
from boxwatch.models.saved import expect, floats, not_fitted, whole

_VERSION: Final = 1
_BLOCK_ROWS: Final = 256


class Nearest:
    """Euclidean distance to the nearest remembered training row.

    Args:
        memory: How many training rows are remembered at most, drawn at random.
    """

    name: ClassVar[str] = "nearest"
    least_windows: ClassVar[int] = 10

    def __init__(self, memory: int = 2000) -> None:
        self.memory = memory
        self._rows: Float64 | None = None
        self._half = np.empty(0)  # half the squared length of each remembered row

    def fit(self, x: Matrix, seed: int) -> None:
        """Remember rows."""
        rows = training_rows(x, self.least_windows, self.name)
        if len(rows) > self.memory:
            picked = np.random.default_rng(seed).choice(len(rows), self.memory, replace=False)
            rows = rows[np.sort(picked)]
        self._remember(rows)

    def score(self, x: Matrix) -> Vector:
        """The distance to the nearest."""
        rows = clean(x, self._fitted().shape[1])
        return _length(rows - self._fitted()[self._nearest(rows)]).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's part of the squared distance to the nearest, over the distance."""
        rows = clean(x, self._fitted().shape[1])
        apart = rows - self._fitted()[self._nearest(rows)]
        length = _length(apart)
        usual = np.where(length > 0.0, length, 1.0)
        return np.asarray(np.square(apart) / usual[:, None], dtype=np.float32)

    def save(self) -> Saved:
        """The remembered rows."""
        return Saved(
            {"rows": self._fitted()},
            {"model": self.name, "version": _VERSION, "memory": self.memory},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(whole(saved, "memory"))
        detector._remember(floats(saved, "rows", (None, None)))
        return detector

    def _remember(self, rows: Float64) -> None:
        self._rows, self._half = rows, 0.5 * np.square(rows).sum(axis=1)

    def _fitted(self) -> Float64:
        if self._rows is None:
            raise not_fitted(self.name)
        return self._rows

    def _nearest(self, rows: Float64) -> NDArray[np.intp]:
        """The number of the nearest remembered row; the distance itself is worked out by itself.

        Products of matrices round by the company a row is in, which may change which of two equal
        neighbours is named, but hardly how far it is.
        """
        known = self._fitted()
        nearest = np.empty(len(rows), np.intp)
        for part in blocks(len(rows), _BLOCK_ROWS):
            nearest[part] = (self._half - rows[part] @ known.T).argmin(axis=1)
        return nearest


def _length(apart: Float64) -> Float64:
    return np.asarray(np.sqrt(np.square(apart).sum(axis=1)), dtype=np.float64)
