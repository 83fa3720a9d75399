"""ECOD, row by row: how rare each reading is by itself, on the side on which it lies.

Li, Zhao, Hu, Botta, Ionescu and Chen, "ECOD: unsupervised outlier detection using empirical
cumulative distribution functions", IEEE TKDE 2022. As in PyOD, a feature adds the -log of its rarer
tail. There the rows that are scored are put among those of training first, so that a score
depends on the company a row is in; here the distribution is that of training alone, kept as at
most `tails.KEPT` values a feature, and goes on beyond them as `tails.beyond` says.

It looks at features one at a time: what is strange only as a combination is for the others.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, clean, training_rows
from boxwatch.models.saved import expect, floats, not_fitted
from boxwatch.models.tails import beyond, kept_values, usual_width

_VERSION: Final = 1


class ECOD:
    """Sum over features of -log of the smaller tail probability."""

    name: ClassVar[str] = "ecod"
    least_windows: ClassVar[int] = 30

    def __init__(self) -> None:
        self._values: Float64 | None = None
        self._width = np.empty(0)

    def fit(self, x: Matrix, seed: int) -> None:  # noqa: ARG002 - nothing here is drawn at random
        """Keep how each feature's values are distributed."""
        self._values = kept_values(training_rows(x, self.least_windows, self.name))
        self._width = usual_width(self._values)

    def score(self, x: Matrix) -> Vector:
        """The sum of the features' rarities."""
        return np.asarray(self._rarity(x).sum(axis=1), dtype=np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's rarity: -log of the share of training at least as far on its side."""
        return self._rarity(x).astype(np.float32)

    def save(self) -> Saved:
        """The kept values and the widths."""
        arrays = {"values": self._fitted(), "width": self._width}
        return Saved(arrays, {"model": self.name, "version": _VERSION})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls()
        detector._values = floats(saved, "values", (None, None))
        detector._width = floats(saved, "width", (detector._values.shape[1],))
        return detector

    def _fitted(self) -> Float64:
        if self._values is None:
            raise not_fitted(self.name)
        return self._values

    def _rarity(self, x: Matrix) -> Float64:
        values = self._fitted()
        rows = clean(x, values.shape[1])
        count = len(values)
        rarity = beyond(rows, values[0], values[-1], self._width)
        for feature in range(values.shape[1]):
            known, asked = values[:, feature], rows[:, feature]
            below = np.searchsorted(known, asked, side="right")
            above = count - np.searchsorted(known, asked, side="left")
            rarer = np.maximum(np.minimum(below, above), 0.5)  # none there: rarer than one of all
            rarity[:, feature] -= np.log(np.minimum(rarer / count, 1.0))
        return rarity
