"""One rule of order: a line that follows another, or comes after it, in nearly all cases.

A rule counts its cases and how late the other line came. A case without it is a miss. Rare is not
normal because it was seen: some misses may be history, and what is strange is how many there are
now, by the binomial chance of them at the share that history shows. What is still judged is no
history yet, so a failure does not teach the rule that failing is normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from boxwatch.detections.logs.chances import binomial_tail

HORIZON_S: Final = 300.0  # a line that comes later than this is not looked for
STEADY: Final = 0.95  # share of cases from which there is a rule

_FIRST_S: Final = 0.125
_BINS: Final = 24  # of delays: up to 1/8 s, and then two for each doubling
_SLACK: Final = 3.0  # times what nearly all cases keep within,
_MOST_SLACK_S: Final = 60.0  # but no longer than so much more
_LEAST_WAIT_S: Final = 5.0
_MOST_RECENT: Final = 20
_STRANGE: Final = 1e-4
_KEPT: Final = 3  # cases as they should be after which a rule is no longer broken
_ONCE: Final = 5000  # cases from which one miss alone can be strange


@dataclass(slots=True)
class Delays:
    """How late something came, counted in bins that are two to a power of two."""

    counts: list[int] = field(default_factory=lambda: [0] * _BINS)

    def add(self, seconds: float) -> None:
        """One more that came so late."""
        place = 0 if seconds <= _FIRST_S else math.ceil(2 * math.log2(seconds / _FIRST_S))
        self.counts[min(place, _BINS - 1)] += 1

    @property
    def total(self) -> int:
        """How many came."""
        return sum(self.counts)

    def usual(self, share: float = 0.5) -> float:
        """Seconds within which this share of them came."""
        left, number = share * self.total, 0
        for number, count in enumerate(self.counts):  # noqa: B007 - the last one is used
            left -= count
            if left <= 0:
                break
        return float(_FIRST_S * 2.0 ** (number / 2))

    def within(self) -> float:
        """Seconds after which one is missing: some times what nearly all came within."""
        late = self.usual(STEADY)
        return min(HORIZON_S, max(_LEAST_WAIT_S, min(_SLACK * late, late + _MOST_SLACK_S)))

    def upto(self, seconds: float) -> int:
        """How many came within so many seconds."""
        return sum(
            count
            for place, count in enumerate(self.counts)
            if _FIRST_S * 2.0 ** (place / 2) <= seconds
        )

    def save(self) -> dict[str, int]:
        """What was counted, JSON-able."""
        return {str(place): count for place, count in enumerate(self.counts) if count}

    @classmethod
    def load(cls, saved: Mapping[str, int]) -> Self:
        """The delays that `save` described."""
        return cls([saved.get(str(place), 0) for place in range(_BINS)])


@dataclass(frozen=True, slots=True)
class Name:
    """What a rule says: `first` is followed by `then`, or (`backward`) `then` comes after `first`.

    With `by_id` both lines carry the same id; else they are of one service.
    """

    first: str
    then: str
    backward: bool
    by_id: bool

    @property
    def heard(self) -> str:
        """The line that makes a case."""
        return self.then if self.backward else self.first

    @property
    def missing(self) -> str:
        """The line that is not there where the rule is broken."""
        return self.first if self.backward else self.then


@dataclass(slots=True)
class Case:
    """A line that waits for the one that follows it: when it was written, and by which process."""

    clock: float
    at: float
    process: str
    event_id: int
    line: str
    late: bool = False  # the other line came, too late


@dataclass(slots=True)
class Rule:
    """What is known of one rule, and how it went lately."""

    name: Name
    cases: int
    misses: int
    delays: Delays
    recent: list[Case | None] = field(default_factory=list)  # None is a hit; begins with a miss
    missed: float = -HORIZON_S  # clock of the last miss that counted
    waiting: dict[str, Case] = field(default_factory=dict)  # by id; "" where there are none
    within: float = 0.0
    fresh: int = 0  # cases since `within` was worked out
    late: float = 0.0  # how late the other line came last where it came too late,
    lates: int = 0  # how often that was, since it came in time
    given_up: dict[str, float] = field(default_factory=dict)  # by id: clock of cases without it

    def __post_init__(self) -> None:
        """Work out how long to wait."""
        self.within = self.delays.within()

    @property
    def share(self) -> float:
        """The share of cases in which the other line came."""
        return 1 - self.misses / max(self.cases, 1)

    def hit(self, seconds: float) -> None:
        """The other line came, so late."""
        self.delays.add(seconds)
        self.fresh += 1
        if self.fresh >= 0.1 * self.cases:
            self.within, self.fresh = self.delays.within(), 0
        self.lates = 0
        self._went(None)

    def came_late(self, seconds: float) -> None:
        """The other line came after all, so late."""
        self.late = seconds
        self.lates += 1

    def came(self, key: str, clock: float) -> None:
        """The other line came where none was waited for: it may be one that was given up."""
        begun = self.given_up.pop(key, None)
        if begun is not None and clock - begun <= HORIZON_S:
            self.came_late(clock - begun)

    def miss(self, case: Case, key: str = "") -> bool:
        """The other line did not come; False where the same mishap was counted already."""
        if not case.late and not self.name.backward:
            self.given_up.pop(key, None)
            self.given_up[key] = case.clock
            if len(self.given_up) > _MOST_RECENT:
                del self.given_up[next(iter(self.given_up))]
        if case.clock < self.missed + self.within:
            return False
        self.missed = case.clock
        self._went(case)
        return True

    def _went(self, case: Case | None) -> None:
        self.recent.append(case)
        while self.recent and (len(self.recent) > _MOST_RECENT or self.recent[0] is None):
            self.cases += 1
            self.misses += self.recent.pop(0) is not None

    @property
    def missing_lately(self) -> list[Case]:
        """The latest cases without the other line, oldest first."""
        return [case for case in self.recent if case is not None]

    def chance(self) -> float:
        """How likely it is that so many are missing lately, if all is as it was."""
        share = (self.misses + 0.5) / (self.cases + 1)
        lowest, missed = 1.0, 0
        for number, case in enumerate(reversed(self.recent), 1):
            missed += case is not None
            if case is not None and (missed > 1 or self.cases >= _ONCE):
                lowest = min(lowest, binomial_tail(missed, number, share))
        return lowest

    @property
    def broken(self) -> bool:
        """Whether that is too unlikely."""
        return bool(self.recent) and self.recent[-1] is not None and self.chance() <= _STRANGE

    @property
    def kept(self) -> bool:
        """Whether the last cases went as they should."""
        return all(case is None for case in self.recent[-_KEPT:])

    @property
    def worthless(self) -> bool:
        """Whether it turned out to be no rule."""
        return self.cases >= _MOST_RECENT and self.share < STEADY

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return asdict(self) | {"delays": self.delays.save()}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The rule that `save` described."""
        recent = [None if case is None else Case(**case) for case in saved["recent"]]
        waiting = {key: Case(**case) for key, case in saved["waiting"].items()}
        known = cls(
            **{
                **saved,
                "name": Name(**saved["name"]),
                "delays": Delays.load(saved["delays"]),
                "waiting": waiting,
                "recent": recent,
                "given_up": dict(saved.get("given_up", {})),  # not in states of earlier versions
            }
        )
        known.within = saved["within"]
        return known
