"""What a view has seen and may learn from: past windows, thinned as they grow old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

_CAPACITY = 48_000  # rows; 30 features of float32 are 6 MB
_STRETCH = 96  # windows that go or stay together
_LEAST_STRETCHES = 8


class History:
    """Windows of one view in time order, without those that were found strange.

    Memory is bounded: when there are more rows than the capacity, every second part of the older
    half goes, so that recent time is remembered closely and old time in outline.
    """

    def __init__(self, width: int, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._x: list[NDArray[np.float32]] = [np.empty((0, width), np.float32)]
        self._entity: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        self._start: list[NDArray[np.int64]] = [np.empty(0, np.int64)]

    def add(
        self, x: NDArray[np.float32], entity: NDArray[np.int32], start: NDArray[np.int64]
    ) -> None:
        """Remember rows: features (rows, width), entity number, start in µs since the epoch."""
        self._x.append(x)
        self._entity.append(entity)
        self._start.append(start)

    def rows(self) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
        """All remembered rows, oldest first."""
        if len(self._x) > 1:
            self._x = [np.concatenate(self._x)]
            self._entity = [np.concatenate(self._entity)]
            self._start = [np.concatenate(self._start)]
        return self._x[0], self._entity[0], self._start[0]

    def thin(self) -> None:
        """Bring the rows back under the capacity; called at fits, so batches play no part.

        What goes are whole stretches of time, so that the rows left still show how they follow one
        another; single rows where there are so many entities that few stretches would be left.
        """
        x, entity, start = self.rows()
        while len(x) > self._capacity:
            half = len(x) // 2
            block = _STRETCH * (int(entity.max()) + 1)
            block = block if _LEAST_STRETCHES * block <= half else 1
            keep = np.flatnonzero(
                (np.arange(len(x)) // block % 2 == 0) | (np.arange(len(x)) >= half)
            )
            x, entity, start = x[keep], entity[keep], start[keep]
        self._x, self._entity, self._start = [x], [entity], [start]

    def keep(self, numbers: NDArray[np.int32]) -> None:
        """Renumber entities: `numbers` says for each old number the new one, -1 to forget it."""
        x, entity, start = self.rows()
        renumbered = numbers[entity] if len(numbers) else entity
        kept = renumbered >= 0
        self._x, self._entity, self._start = [x[kept]], [renumbered[kept]], [start[kept]]

    def save(self) -> dict[str, NDArray[np.generic]]:
        """All state as arrays."""
        x, entity, start = self.rows()
        return {"x": x, "entity": entity, "start": start}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._x = [cast("NDArray[np.float32]", saved["x"])]
        self._entity = [cast("NDArray[np.int32]", saved["entity"])]
        self._start = [cast("NDArray[np.int64]", saved["start"])]
