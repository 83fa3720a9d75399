"""The last rows of every entity: what a row is judged with, whatever the turns it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from boxwatch.models import SPAN

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_BEFORE: Final = SPAN - 1


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where each of some rows stands among the rows before it.

    `rows` are these rows and those before them, entity after entity; `owner` says for each which of
    the given rows is of the same entity. The given row i is `rows[at[i]]`, and its course is known
    from `rows[oldest[i]]` on, `known[i]` rows before it, at most `SPAN` - 1.
    """

    rows: Float64
    owner: Int64
    at: Int64
    oldest: Int64

    @property
    def known(self) -> Int64:
        """How many rows before each row are known, up to `SPAN` - 1."""
        return np.asarray(np.minimum(self.at - self.oldest, _BEFORE), dtype=np.int64)

    def places(self, which: NDArray[np.integer], most: Int64 | None = None) -> Int64:
        """The places in `rows` of the stretches of the given rows `which`, shape (which, `SPAN`).

        The oldest known row stands for those before it; `most` says how many before each row to
        know at most.
        """
        at, oldest = self.at[which], self.oldest[which]
        if most is not None:
            oldest = np.maximum(oldest, at - most)
        places = np.maximum(at[:, None] - np.arange(_BEFORE, -1, -1), oldest[:, None])
        return np.asarray(places, dtype=np.int64)


class Past:
    """The last `SPAN` - 1 rows of each entity; all state is in `save()`.

    Memory is `SPAN` - 1 rows of float32 an entity, whatever comes.

    Args:
        width: Features of a row.
        pause: A row that comes later than so long after the one before it (both in the unit of
            `start`) begins a course of its own: what was before the pause says nothing of it.
    """

    def __init__(self, width: int, pause: float) -> None:
        self._pause = pause
        self._rows = np.empty((0, _BEFORE, width), np.float32)
        self._known = np.empty(0, np.int64)
        self._latest = np.empty(0, np.int64)

    def follow(self, x: Float64, who: NDArray[np.integer], start: NDArray[np.integer]) -> Stretches:
        """Where the next rows stand among those before them, which they now join.

        Args:
            x: (rows, features), in the order of time for each entity; as float32 would keep it.
            who: Number of each row's entity.
            start: When each row begins.
        """
        if len(x) == 0:
            none = np.empty(0, np.int64)
            return Stretches(x, none, none, none)
        self._grow(int(who.max()) + 1)
        order = np.argsort(who, kind="stable")
        entity, first, counts = np.unique(who[order], return_index=True, return_counts=True)
        course = np.repeat(np.arange(len(entity)), counts)
        begin = first + _BEFORE * np.arange(len(entity))  # of each entity's block in `rows`
        rank = np.arange(len(x)) - first[course]
        at = begin[course] + _BEFORE + rank
        rows = np.empty((len(x) + _BEFORE * len(entity), x.shape[1]))
        before = begin[:, None] + np.arange(_BEFORE)
        rows[before], rows[at] = self._rows[entity], x[order]
        owner = np.empty(len(rows), np.int64)
        owner[before], owner[at] = order[first][:, None], order
        when = start[order].astype(np.int64)
        previous = np.where(rank > 0, np.roll(when, 1), self._latest[entity][course])
        oldest = (begin + _BEFORE - self._known[entity])[course]
        oldest = np.maximum.accumulate(np.where(when - previous > self._pause, at, oldest))
        last = first + counts - 1
        self._rows[entity] = rows[at[last][:, None] - np.arange(_BEFORE - 1, -1, -1)]
        self._known[entity] = np.minimum(at[last] - oldest[last] + 1, _BEFORE)
        self._latest[entity] = when[last]
        return Stretches(rows, owner, _back(at, order), _back(oldest, order))

    def keep(self, numbers: NDArray[np.integer]) -> None:
        """Renumber entities: `numbers` says for each old number the new one, -1 to forget it."""
        old = np.flatnonzero(numbers[: len(self._known)] >= 0)
        new = numbers[old]
        kept = np.full(int(new.max()) + 1 if len(new) else 0, -1, np.int64)
        kept[new] = old
        self._rows, self._known = self._rows[kept], self._known[kept]
        self._latest = self._latest[kept]

    def save(self) -> dict[str, NDArray[np.generic]]:
        """All state as arrays."""
        return {"rows": self._rows, "known": self._known, "latest": self._latest}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._rows = np.array(cast("NDArray[np.float32]", saved["rows"]))
        self._known = np.array(cast("NDArray[np.int64]", saved["known"]))
        self._latest = np.array(cast("NDArray[np.int64]", saved["latest"]))

    def _grow(self, entities: int) -> None:
        more = entities - len(self._known)
        if more > 0:
            self._rows = np.pad(self._rows, ((0, more), (0, 0), (0, 0)))
            self._known = np.pad(self._known, (0, more))
            self._latest = np.pad(self._latest, (0, more))


def _back(values: Int64, order: NDArray[np.integer]) -> Int64:
    """`values` of rows in `order`, in the order in which the rows came."""
    back = np.empty_like(values)
    back[order] = values
    return back
