"""What one service writes, five minutes at a time: how many lines of each of its usual kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

import numpy as np

from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.shares import Counts, Flags, Turned, Usual, is_usual, learn, turned
from boxwatch.events.vocabulary import template_id

BLOCK_S: Final = 300

_MOST_KINDS: Final = 16  # of a service, those that it writes most
_MOST_HEARD: Final = 256  # kinds in one block
_MOST_BLOCKS: Final = 400  # remembered; of the older half every second one goes
_LATEST: Final = 6  # blocks that are looked at together where lines are few
_AGES: Final = 2.0  # times the age a service must have
_ANEW: Final = 1.05  # times the blocks that the shares were learned from


@dataclass(slots=True)
class Heard:
    """One kind of line in one block; times in seconds since the epoch."""

    count: int
    first: float
    event_id: int  # of the latest
    line: str


@dataclass(slots=True)
class Mixture:
    """One service: the block under way, those before it, and the shares that they show.

    A kind is a template, and what the line answers (`template NUL status`) where it tells.
    """

    cell: int = -1  # of the block under way or, where nothing was heard since, of the last one
    heard: dict[str, Heard] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=lambda: np.empty((0, 0), np.uint32))
    aside: Flags = field(default_factory=lambda: np.empty(0, np.bool_))  # blocks of a finding
    fresh: int = 0  # blocks since the latest finding was over
    judged: int = 0  # blocks that `usual` was learned from
    usual: Usual | None = None  # not saved: what it was learned from is

    def hear(self, kind: str, more: Heard) -> None:
        """Lines of one kind, in the block under way."""
        known = self.heard.get(kind)
        if known is None:
            if len(self.heard) < _MOST_HEARD:
                self.heard[kind] = more
            return
        known.count += more.count
        known.event_id, known.line = more.event_id, more.line

    def end(self, merged: Mapping[int, int], kept: Iterable[str]) -> dict[str, Heard]:
        """End the block under way: it becomes the latest of `counts`. What was heard in it.

        `merged` says which template (by id) became part of which; `kept` must stay known.
        """
        heard, self.heard = self.heard, {}
        before = list(self.kinds)
        if merged:
            self._fold(heard, merged)
        for kind in sorted(heard, key=lambda kind: (-heard[kind].count, kind)):
            self._make_room(kind, heard, kept)
        row = [heard[kind].count if kind in heard else 0 for kind in self.kinds]
        self.counts = np.vstack([self.counts, np.array([row], np.uint32)])
        self.aside = np.append(self.aside, False)
        self.fresh = min(self.fresh + 1, _LATEST)
        if self.kinds != before:
            self.judged, self.usual = 0, None
        return heard

    def _make_room(self, kind: str, heard: Mapping[str, Heard], kept: Iterable[str]) -> None:
        """Remember `kind`; where there is no room, in the place of the least written one."""
        if kind in self.kinds:
            return
        if len(self.kinds) < _MOST_KINDS:
            self.kinds.append(kind)
            self.counts = np.pad(self.counts, ((0, 0), (0, 1)))
            return
        totals = self.counts.sum(axis=0, dtype=np.int64)
        totals += [heard[name].count if name in heard else 0 for name in self.kinds]
        for name in kept:
            if name in self.kinds:
                totals[self.kinds.index(name)] = np.iinfo(np.int64).max
        least = int(totals.argmin())
        if totals[least] < heard[kind].count:
            self.kinds[least] = kind
            self.counts[:, least] = 0

    def _fold(self, heard: Mapping[str, Heard], merged: Mapping[int, int]) -> None:
        """Add what was known of kinds that have another name now to what is known of that."""
        ids = {_identity(kind): kind for kind in (*heard, *self.kinds)}
        for kind in list(self.kinds):
            identity, status = _identity(kind)
            for _ in range(len(merged)):
                if identity not in merged:
                    break
                identity = merged[identity]
            now = ids.get((identity, status), kind)
            if now == kind:
                continue
            old = self.kinds.index(kind)
            if now in self.kinds:
                self.counts[:, self.kinds.index(now)] += self.counts[:, old]
                self.counts = np.delete(self.counts, old, axis=1)
                del self.kinds[old]
            else:
                self.kinds[old] = now

    def learn(self, learning: Learning) -> None:
        """Work out what is usual from the blocks before the latest, where it is time to."""
        told = self.counts[:-1][~self.aside[:-1]]
        if len(told) * BLOCK_S < _AGES * learning.age_s or len(self.kinds) < 2:
            return
        if len(told) >= _ANEW * self.judged:
            self.judged = len(told)
        elif self.usual is not None:
            return
        told = told[: self.judged]  # fewer where a state was taken up: as before it was saved
        templates = [kind.partition("\0")[0] for kind in self.kinds]
        same = np.array([[one == other for other in templates] for one in templates])
        self.usual = learn(told, same)

    def unusual(self) -> list[Turned]:
        """The pairs of kinds that are unusual in the latest blocks."""
        return [] if self.usual is None else turned(self.usual, self.counts[-self.fresh :])

    def back(self, kinds: tuple[str, str]) -> bool | None:
        """Whether two kinds come as usual again; None where nobody can tell."""
        if self.usual is None or not set(kinds) <= set(self.kinds):
            return None
        first, second = (self.kinds.index(kind) for kind in kinds)
        return is_usual(self.usual, self.counts[-_LATEST:], (first, second))

    def thin(self) -> None:
        """Forget every second of the older blocks where there are too many."""
        rows = len(self.counts)
        if rows > _MOST_BLOCKS:
            keep = (np.arange(rows) % 2 == 0) | (np.arange(rows) >= rows // 2)
            self.counts, self.aside = self.counts[keep], self.aside[keep]
            self.judged, self.usual = 0, None

    def settle_aside(self, kept: int) -> None:
        """Make the first `kept` blocks that were put aside history, and forget the others."""
        rank = np.cumsum(self.aside)
        self.counts = self.counts[~self.aside | (rank <= kept)]
        self.aside = np.zeros(len(self.counts), np.bool_)
        self.fresh = 0

    def save(self) -> dict[str, object]:
        """All state, JSON-able but for an array."""
        return {
            "cell": self.cell,
            "heard": {kind: asdict(one) for kind, one in self.heard.items()},
            "kinds": list(self.kinds),
            "fresh": self.fresh,
            "judged": self.judged,
            "counts": np.column_stack([self.counts, self.aside.astype(np.uint32)]),
        }

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The mixture that `save` described."""
        rows = np.array(saved["counts"], np.uint32)
        return cls(
            cell=saved["cell"],
            heard={kind: Heard(**one) for kind, one in saved["heard"].items()},
            kinds=list(saved["kinds"]),
            counts=rows[:, :-1],
            aside=rows[:, -1].astype(np.bool_),
            fresh=saved["fresh"],
            judged=saved["judged"],
        )


def _identity(kind: str) -> tuple[int, str]:
    template, _, status = kind.partition("\0")
    return template_id(template), status
