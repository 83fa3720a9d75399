"""HBOS: how empty the places are in which a row's readings lie, feature by feature.

Goldstein and Dengel, "Histogram-based outlier score (HBOS)", KI 2012: a feature adds the logarithm
of its histogram's greatest height over the height where the reading lies. Bins are equally wide
over the middle 99 % of training, one more on each side holds what was farther out, and what lies
beyond all of training goes on as `tails.beyond` says: one wild value in training does not put all
others into one bin.

It looks at features one at a time: what is strange only as a combination is for the others.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, clean, training_rows
from boxwatch.models.saved import expect, floats, not_fitted, whole
from boxwatch.models.tails import beyond

_VERSION: Final = 1
_EDGE: Final = 0.005  # of training on each side is outside the equal bins
_LEAST_HEIGHT: Final = 0.01  # of the greatest: an empty bin is as rare as that
_TINY: Final = 1e-9


class HBOS:
    """Sum over features of log(greatest height / height).

    Args:
        bins: How many equally wide bins each feature has.
    """

    name: ClassVar[str] = "hbos"
    least_windows: ClassVar[int] = 30

    def __init__(self, bins: int = 20) -> None:
        self.bins = bins
        self._ends: Float64 | None = None  # least, first edge, last edge and most of each feature
        self._rarity = np.empty((0, 0))  # (bins + 2, features)

    def fit(self, x: Matrix, seed: int) -> None:  # noqa: ARG002 - nothing here is drawn at random
        """Count."""
        rows = training_rows(x, self.least_windows, self.name)
        first, last = np.quantile(rows, (_EDGE, 1.0 - _EDGE), axis=0, method="nearest")
        self._ends = np.vstack([rows.min(axis=0), first, last, rows.max(axis=0)])
        place = self._places(rows)
        features = rows.shape[1]
        counts = np.zeros((self.bins + 2, features))
        np.add.at(counts, (place, np.arange(features)), 1.0)
        height = counts / counts.max(axis=0)
        self._rarity = -np.log(np.maximum(height, _LEAST_HEIGHT))
        self._rarity[[0, -1]] = self._rarity.max(axis=0)  # farther out is never less rare

    def score(self, x: Matrix) -> Vector:
        """The sum of the features' rarities."""
        return np.asarray(self._found(x).sum(axis=1), dtype=np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's rarity."""
        return self._found(x).astype(np.float32)

    def save(self) -> Saved:
        """The ends and the rarities of the bins."""
        return Saved(
            {"ends": self._fitted(), "rarity": self._rarity},
            {"model": self.name, "version": _VERSION, "bins": self.bins},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(whole(saved, "bins"))
        detector._ends = floats(saved, "ends", (4, None))
        features = detector._ends.shape[1]
        detector._rarity = floats(saved, "rarity", (detector.bins + 2, features))
        return detector

    def _fitted(self) -> Float64:
        if self._ends is None:
            raise not_fitted(self.name)
        return self._ends

    def _places(self, rows: Float64) -> NDArray[np.int64]:
        """The number of each value's bin: 0 and `bins` + 1 are those outside the equal ones."""
        _, first, last, _ = self._fitted()
        width = np.maximum(last - first, _TINY) / self.bins
        place = np.clip(np.floor((rows - first) / width) + 1.0, 0, self.bins + 1)
        place[rows == last] = self.bins  # the last bin holds its end
        return np.asarray(place, dtype=np.int64)

    def _found(self, x: Matrix) -> Float64:
        ends = self._fitted()
        rows = clean(x, ends.shape[1])
        least, first, last, most = ends
        flat = last - first <= _TINY
        width = np.where(flat, np.where(most > least, most - least, 1.0), last - first)
        found = np.take_along_axis(self._rarity, self._places(rows), axis=0)
        return np.asarray(found + beyond(rows, least, most, width), dtype=np.float64)
