"""How far apart the lines of one kind are, and how likely so long a gap is by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

_FINE: Final = 4  # bins for each doubling
_LEAST: Final = 1e-3  # shorter ones are of one bin
_STRAY: Final = 0.01  # share of the gaps that may be longer than the longest usual one


class Usual(NamedTuple):
    """The longest gap that is usual, and how many were longer."""

    longest: float
    beyond: int


@dataclass(slots=True)
class Gaps:
    """Gaps of any unit, counted in bins, each with its longest."""

    count: int = 0
    bins: dict[int, list[float]] = field(default_factory=dict)  # place -> count, longest

    def add(self, gap: float) -> None:
        """One more."""
        self.count += 1
        place = math.ceil(_FINE * math.log2(max(gap, _LEAST)))
        known = self.bins.setdefault(place, [0, 0.0])
        known[0] += 1
        known[1] = max(known[1], gap)

    def usual(self) -> Usual:
        """The longest, where the training may have held failures: but one in a hundred."""
        allowed = max(1, math.floor(_STRAY * self.count))
        beyond = 0
        for place in sorted(self.bins, reverse=True):
            count, longest = self.bins[place]
            if beyond + count > allowed:
                return Usual(longest, beyond)
            beyond += int(count)
        return Usual(0.0, beyond)

    def upto(self, share: float) -> float:
        """This share of them is no longer than so much (to a quarter of a doubling)."""
        left = share * self.count
        longest = 0.0
        for place in sorted(self.bins):
            count, longest = self.bins[place]
            left -= count
            if left <= 0:
                break
        return longest

    def save(self) -> list[Any]:
        """All state, JSON-able."""
        return [self.count, {str(place): list(known) for place, known in self.bins.items()}]

    @classmethod
    def load(cls, saved: list[Any]) -> Self:
        """The gaps that `save` described."""
        count, bins = saved
        known: Mapping[str, list[float]] = bins
        return cls(count, {int(place): list(pair) for place, pair in known.items()})


def times(usual: Usual, count: int, strange: float) -> float:
    """How many times the longest usual gap of `count` is too unlikely to be chance.

    If a stretch as long as the longest usual gap passes without a line with probability q (so
    often at most it did), m of them in a row do with q to the power of m. That is exact where
    lines come at random times, and more than it should be where they come by the clock.
    """
    chance = (usual.beyond + 1) / (count + 1)
    return math.log(strange) / math.log(chance)
