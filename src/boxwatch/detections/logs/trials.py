"""Looking for rules of order: what comes after a line, and what was before it, in samples.

For some occurrences of each kind of line all kinds that come within the horizon are noted, once
each, with their delay; and for some, how long ago each kind came before. What is there in nearly
all of them, and would not be by chance, becomes a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from boxwatch.detections.logs.sequence import HORIZON_S, STEADY, Delays, Name, Rule

_APART_S: Final = HORIZON_S / 8  # between two samples of one kind of line: half of it to half
_GOLDEN: Final = 0.618034  # more, or what comes by the clock is always met at the same place
_HOPELESS: Final = (10, 0.8)  # after so many samples, below this share: not looked at any more
_ANEW: Final = 200  # samples after which the search begins anew: services change
_BY_CHANCE: Final = 0.4  # chance of a line to be there anyway, up to which it says something
_MOST_RULES: Final = 3  # of one kind of line, each way


@dataclass(slots=True)
class Trial:
    """What came after one kind of line, or before it, in a sample of its occurrences."""

    cases: int = 0
    sampled: float = -HORIZON_S  # clock of the latest sample
    began: float = -1.0  # clock of the first one
    met: dict[str, Delays] = field(default_factory=dict)

    def due(self, clock: float) -> bool:
        """Whether a sample is wanted at `clock`; if so it is counted as taken."""
        if clock < self.sampled + _APART_S * (0.5 + self.cases * _GOLDEN % 1.0):
            return False
        self.sampled = clock
        if self.began < 0:
            self.began = clock
        return True

    def take(self, seen: Mapping[str, float]) -> None:
        """One sample: kinds of line and how many seconds away they were."""
        self.cases += 1
        few, share = _HOPELESS
        for template, seconds in seen.items():
            delays = self.met.get(template)
            if delays is None:
                if self.cases > few * (1 - share) + 1:
                    continue
                delays = self.met[template] = Delays()
            delays.add(seconds)
        if self.cases >= few:
            for template in [t for t, d in self.met.items() if d.total < share * self.cases]:
                del self.met[template]

    def rules(self, heard: str, *, backward: bool, by_id: bool, rates: Rates) -> Iterator[Rule]:
        """The rules that the samples show, the closest lines first."""
        steady = [
            (delays.within(), other)
            for other, delays in self.met.items()
            if delays.upto(delays.within()) >= STEADY * self.cases
        ]
        given = 0
        for within, other in sorted(steady):
            if given < _MOST_RULES and (by_id or rates.chance(other, within) <= _BY_CHANCE):
                given += 1
                first, then = (other, heard) if backward else (heard, other)
                delays = Delays(list(self.met[other].counts))
                misses = self.cases - delays.upto(within)
                yield Rule(Name(first, then, backward, by_id), self.cases, misses, delays)
        if self.cases >= _ANEW:
            self.cases, self.began, self.met = 0, -1.0, {}

    def save(self) -> list[object]:
        """All state, JSON-able."""
        met = {template: delays.save() for template, delays in self.met.items()}
        return [self.cases, self.sampled, self.began, met]

    @classmethod
    def load(cls, saved: list[Any]) -> Trial:
        """The trial that `save` described."""
        cases, sampled, began, met = saved
        known = {name: Delays.load(counts) for name, counts in met.items()}
        return cls(cases, sampled, began, known)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each kind of line comes while it comes, to tell what is there by chance."""

    counts: Mapping[str, int]
    since: Mapping[str, float]  # clock of its first line
    clock: float

    def chance(self, template: str, within: float) -> float:
        """The chance that `template` comes within so many seconds of any instant, at most.

        What comes by the clock is there more often than what comes at random times as often.
        """
        known = max(self.clock - self.since.get(template, 0.0), 1.0)
        return min(1.0, self.counts.get(template, 0) / known * within)
