"""Reach: how far each feature of each entity ordinarily goes, in spreads.

A spread says what most windows are like; some features also go far out now and then, and that is
ordinary for them: a disk that is read at full speed whenever a model loads. The reach compares the
high quantiles of |z| with those of one plus an exponential of scale 0.45, which a steady feature
stays within. Dividing by it keeps what is bursty on one card from speaking for the whole machine,
and from silencing the same feature on a card where it is steady.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.baseline import count_known, group_quantiles
from boxwatch.models.detector import Matrix, Saved
from boxwatch.models.saved import expect, floats

Float64 = NDArray[np.float64]

_LEVELS: Final = (0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
_LEAST_BEYOND: Final = 3.0  # windows beyond a quantile that make it worth asking for
_WEIGHT: Final = 50.0  # windows that a reach of one counts for
_VERSION: Final = 1


class Reach:
    """At least 1 per entity and feature; an entity that was not fitted takes the pool's."""

    name: ClassVar[str] = "reach"

    def __init__(self, reach: Float64) -> None:
        self._reach = reach  # (entities + 1, features); the last row is the pool

    @classmethod
    def fit(cls, z: Matrix, entity: NDArray[np.integer], entities: int) -> Self:
        """Learn from standardised windows (windows, features), NaN = unknown."""
        size = np.abs(z.astype(np.float64))
        group = entity.astype(np.int64)
        pool = _reach(size, np.zeros_like(group), 1)
        return cls(np.vstack([_reach(size, group, entities), pool]))

    def scale(self, z: Matrix, entity: NDArray[np.integer]) -> Matrix:
        """`z` over the reach of each row's entity."""
        last = len(self._reach) - 1
        row = entity.astype(np.int64)
        row[(row < 0) | (row > last)] = last
        return np.asarray(z / self._reach[row], dtype=np.float32)

    def save(self) -> Saved:
        """The reaches."""
        return Saved({"reach": self._reach}, {"model": self.name, "version": _VERSION})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The reach that `save` described."""
        expect(saved, cls.name, _VERSION)
        return cls(floats(saved, "reach", (None, None)))


def _reach(size: Float64, group: NDArray[np.int64], groups: int) -> Float64:
    known = count_known(size, group, groups)
    ordinary = 1.0 - 0.45 * np.log(1.0 - np.array(_LEVELS))
    reach = np.ones_like(known)
    for level, usual, found in zip(
        _LEVELS, ordinary, group_quantiles(size, group, known, _LEVELS), strict=True
    ):
        asked = (1.0 - level) * known >= _LEAST_BEYOND
        reach = np.where(asked, np.maximum(reach, found / usual), reach)
    return np.asarray((_WEIGHT + known * reach) / (_WEIGHT + known), dtype=np.float64)
