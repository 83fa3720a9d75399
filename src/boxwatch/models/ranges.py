"""Ranges: readings on the scale of what was ordinary for them, whatever their unit.

Location is the median, and the width is the distance from the 0.1 % to the 99.9 % quantile: a
metric that is flat but for a few peaks is measured by its peaks, and one reading in a thousand may
be a fault without widening it. Where nearly all readings are alike the width is the whole range,
and where all are, the size of the reading itself.

Ranges need no knowledge of what is measured; where there is some, `Baseline` uses it.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.detector import Matrix, Saved
from boxwatch.models.saved import expect, floats

Float64 = NDArray[np.float64]

FAR: Final = 5.0  # widths from the median, beyond which farther is not stranger
_VERSION: Final = 2
_EDGE: Final = 0.001
_FLAT: Final = 1e-6  # of the readings themselves; narrower is the rounding of float32
_TINY: Final = 1e-3


class Ranges:
    """Median and width of every metric, per entity. Made by `fit` or `load`."""

    name: ClassVar[str] = "ranges"

    def __init__(self, location: Float64, width: Float64) -> None:
        self._location = location  # (entities + 1, metrics); the last row is an unseen entity's
        self._width = width

    @classmethod
    def fit(
        cls, x: Float64, entity: NDArray[np.integer], *, known: Float64, entities: int = 1
    ) -> Self:
        """Learn from readings.

        Args:
            x: (rows, metrics); NaN = unknown, a metric never known stays so.
            entity: Number of each row's entity, shape (rows,), below `entities`.
            known: The width of each metric that has one by nature, around 0; NaN = to be learned.
            entities: How many there are; one without rows is as an unseen one.

        Raises:
            ModelError: `x` is not a matrix or has no rows.
        """
        if x.ndim != 2 or len(x) == 0:
            raise ModelError(f"Ranges take rows of readings (rows, metrics), not {x.shape!r}.")
        pool = _learn(x)
        found = [pool] * (entities + 1)
        for number in range(entities if entities > 1 else 0):
            rows = x[entity == number]
            if len(rows) > 0:
                found[number] = _learn(rows)
        given = ~np.isnan(known)
        location = np.where(given, 0.0, np.vstack([one for one, _ in found]))
        return cls(location, np.where(given, known, np.vstack([one for _, one in found])))

    def standardise(self, x: Float64, entity: NDArray[np.integer]) -> Matrix:
        """(x - median) / width within ±`FAR`, float32; NaN stays."""
        row = self._rows(entity)
        z = np.clip((x - self._location[row]) / self._width[row], -FAR, FAR)
        return np.asarray(z, dtype=np.float32)

    def usual(self, entity: int) -> tuple[Float64, Float64]:
        """Median and width of each metric for one entity."""
        row = int(self._rows(np.array([entity]))[0])
        return self._location[row].copy(), self._width[row].copy()

    def save(self) -> Saved:
        """Medians and widths."""
        return Saved(
            {"location": self._location, "width": self._width},
            {"model": self.name, "version": _VERSION},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The ranges that `save` described."""
        expect(saved, cls.name, _VERSION)
        location = floats(saved, "location", (None, None))
        return cls(location, floats(saved, "width", location.shape))

    def _rows(self, entity: NDArray[np.integer]) -> NDArray[np.int64]:
        last = len(self._location) - 1
        number = entity.astype(np.int64)
        number[(number < 0) | (number > last)] = last
        return number


def _learn(x: Float64) -> tuple[Float64, Float64]:
    """Median and width of each metric."""
    known = ~np.isnan(x)
    ordered = np.sort(np.where(known, x, np.inf), axis=0)  # unknown ones come last
    count = known.sum(axis=0)
    median, low, high, least, most = (
        _quantile(ordered, count, level) for level in (0.5, _EDGE, 1.0 - _EDGE, 0.0, 1.0)
    )
    whole = most - least
    flat = high - low <= _FLAT * np.maximum(np.abs(low), np.abs(high))
    width = np.where(flat, whole, high - low)
    size = np.maximum(np.maximum(np.abs(least), np.abs(most)), _TINY)
    return median, np.where(width > 0.0, width, size)


def _quantile(ordered: Float64, count: NDArray[np.integer], level: float) -> Float64:
    """A quantile of the first `count` values of each column; 0 where there are none."""
    place = level * np.maximum(count - 1, 0)
    columns = np.arange(ordered.shape[1])
    below = ordered[np.floor(place).astype(np.int64), columns]
    above = ordered[np.ceil(place).astype(np.int64), columns]
    with np.errstate(invalid="ignore"):  # a column without known values holds only infinities
        value = below + (above - below) * (place - np.floor(place))
    return np.where(count > 0, value, 0.0)
