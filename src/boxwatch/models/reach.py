"""Reach: how far each feature of each entity ordinarily goes, in spreads.

A spread says what most windows are like; some features also go far out now and then, and that is
ordinary for them: a disk that is read at full speed whenever a model loads. What goes far on three
separate occasions is ordinary; what does so once may be a fault that nobody noticed, or the slow
beginning of one. So the reach is the third largest of the greatest |z| of each stretch of
`_STRETCH` windows, over what one plus an exponential of scale 0.45 would show in as many windows.
Dividing by it keeps what is bursty on one card from speaking for the whole machine, and from
silencing the same feature on a card where it is steady.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved
from boxwatch.models.saved import expect, floats

Float64 = NDArray[np.float64]

_STRETCH: Final = 360  # windows: half an hour of 5 s
_OCCASIONS: Final = 3
_VERSION: Final = 1


class Reach:
    """At least 1 per entity and feature; an entity that was not fitted takes the pool's."""

    name: ClassVar[str] = "reach"

    def __init__(self, reach: Float64) -> None:
        self._reach = reach  # (entities + 1, features); the last row is the pool

    @classmethod
    def fit(cls, z: Matrix, entity: NDArray[np.integer], entities: int) -> Self:
        """Learn from standardised windows (windows, features) in time order, NaN = unknown."""
        size = np.nan_to_num(np.abs(z.astype(np.float64)))
        own = [_reach(size[entity == number]) for number in range(entities)]
        pool = np.max(own, axis=0) if own else np.ones(z.shape[1])
        return cls(np.vstack([*own, pool]))

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


def _reach(size: Float64) -> Float64:
    stretches = -(-len(size) // _STRETCH)
    if stretches < _OCCASIONS:
        return np.ones(size.shape[1])
    greatest = np.stack([part.max(axis=0) for part in np.array_split(size, stretches)])
    often = np.sort(greatest, axis=0)[-_OCCASIONS]
    ordinary = 1.0 + 0.45 * np.log(len(size) / _OCCASIONS)
    return np.asarray(np.maximum(often / ordinary, 1.0), dtype=np.float64)
