"""Ranges: readings on the scale of what was ordinary for them, whatever their unit.

Location is the median, and the width is the distance from the 0.1 % to the 99.9 % quantile: a
metric that is flat but for a few peaks is measured by its peaks, and one reading in a thousand may
be a fault without widening it. Where nearly all readings are alike the width is the whole range,
and where all are, the size of the reading itself.
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
_VERSION: Final = 1
_EDGE: Final = 0.001
_FLAT: Final = 1e-6  # of the readings themselves; narrower is the rounding of float32
_TINY: Final = 1e-3


class Ranges:
    """Median and width of every metric. Made by `fit` or `load`."""

    name: ClassVar[str] = "ranges"

    def __init__(self, location: Float64, width: Float64) -> None:
        self._location = location
        self._width = width

    @classmethod
    def fit(cls, x: Float64) -> Self:
        """Learn from readings (rows, metrics); NaN = unknown, a metric never known stays so.

        Raises:
            ModelError: `x` is not a matrix or has no rows.
        """
        if x.ndim != 2 or len(x) == 0:
            raise ModelError(f"Ranges take rows of readings (rows, metrics), not {x.shape!r}.")
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
        return cls(median, np.where(width > 0.0, width, size))

    def standardise(self, x: Float64) -> Matrix:
        """(x - median) / width within ±`FAR`, float32; NaN stays."""
        z = np.clip((x - self._location) / self._width, -FAR, FAR)
        return np.asarray(z, dtype=np.float32)

    def usual(self) -> tuple[Float64, Float64]:
        """Median and width of each metric."""
        return self._location.copy(), self._width.copy()

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
        location = floats(saved, "location", (None,))
        return cls(location, floats(saved, "width", location.shape))


def _quantile(ordered: Float64, count: NDArray[np.integer], level: float) -> Float64:
    """A quantile of the first `count` values of each column; 0 where there are none."""
    place = level * np.maximum(count - 1, 0)
    columns = np.arange(ordered.shape[1])
    below = ordered[np.floor(place).astype(np.int64), columns]
    above = ordered[np.ceil(place).astype(np.int64), columns]
    with np.errstate(invalid="ignore"):  # a column without known values holds only infinities
        value = below + (above - below) * (place - np.floor(place))
    return np.where(count > 0, value, 0.0)
