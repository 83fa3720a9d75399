"""Which models judge which kind of view: one declared table.

Everything that gives scores (watching, replay, `train`, `detect`, `score`, the benches) goes the
same way: standardise, members, calibration, combination (`view_model`, `learning`). What differs
from one kind of view to another is said here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, cast

from boxwatch.features import View
from boxwatch.models import PCA, Course, Detector, IsolationForest, KMeans, RobustZ

JOINT: Final = 700  # windows from which models of all features together have something to say
FEW: Final = 200  # fewer rows of a table say nothing of how readings move
TABLE: Final = "table"  # the name of a view that is made from a table's columns


class Claims(StrEnum):
    """How small a p-value may be (decision 3)."""

    REFERENCE = "reference"  # drawn towards what is known of machines of this kind
    HISTORY = "history"  # not much smaller than the held-out history could have shown
    FIT = "fit"  # as the calibration says


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a view.

    `least` and `below` are the numbers of windows to learn from between which it is one. One that
    is `in_context` sees each window with those before it; one that is `directed` sees only
    excursions that may be a finding, over how far its entity ordinarily goes. `options` are what
    its constructor takes (`models.SPACES`); none = as it comes.
    """

    kind: type[Detector]
    claims: Claims
    least: int = 0
    below: float = math.inf
    in_context: bool = False
    directed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The detector's name in the scores."""
        return self.kind.name

    def make(self) -> Detector:
        """A new detector of this kind."""
        return cast("Callable[..., Detector]", self.kind)(**self.options)

    def serves(self, windows: int) -> bool:
        """Whether it learns from so many windows."""
        return max(self.least, self.kind.least_windows) <= windows < self.below


@dataclass(frozen=True, slots=True)
class Plan:
    """How one kind of view is judged.

    With `folds` every window is held out once, in so many stretches of time, to calibrate members
    that then learn from all; with none the latest windows are held out for good. `knowledge` is
    whether the view's features say what is usual on machines of their kind.
    """

    name: str
    members: tuple[Member, ...]
    knowledge: bool = True
    folds: int = 0

    def member(self, name: str) -> Member:
        """The member of this name."""
        return next(member for member in self.members if member.name == name)

    def tuned(self, options: Mapping[str, Mapping[str, Any]]) -> Plan:
        """The plan with these options by member; one whose `used` is false is left out."""
        members = []
        for member in self.members:
            mine = dict(options.get(member.name, {}))
            if mine.pop("used", True):
                members.append(replace(member, options=mine))
        return replace(self, members=tuple(members))

    @property
    def in_context(self) -> bool:
        """Whether a member sees windows with those before them."""
        return any(member.in_context for member in self.members)


_FIRST: Final = Member(RobustZ, Claims.REFERENCE, directed=True)
_JOINT: Final = tuple(
    Member(kind, Claims.HISTORY, JOINT) for kind in (PCA, KMeans, IsolationForest)
)
# Counts of lines are nearly always zero: joint models then call every second combination strange.
COUNTS: Final = Plan("counts", (_FIRST,))
READINGS: Final = Plan("readings", (_FIRST, *_JOINT))
COURSES: Final = Plan(
    "courses", (*READINGS.members, Member(Course, Claims.HISTORY, JOINT, in_context=True))
)
TABLES: Final = Plan(
    "tables",
    (
        Member(RobustZ, Claims.FIT, below=FEW),
        Member(Course, Claims.FIT, FEW, in_context=True),
    ),
    knowledge=False,
    folds=4,
)
PLANS: Final[Mapping[str, Plan]] = MappingProxyType(
    {plan.name: plan for plan in (COUNTS, READINGS, COURSES, TABLES)}
)
READ: Final = ("gpu", "host")  # views of readings rather than of counts


def plan_of(
    view: View,
    *,
    courses: bool = False,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """How `view` is judged.

    Args:
        view: One that is not known here is taken for counts.
        courses: Whether views of readings are judged by how these run, too.
        options: Of the members of views of readings, by name; see `Plan.tuned`.
    """
    if view.name == TABLE:
        return TABLES
    if view.name not in READ:
        return COUNTS
    plan = COURSES if courses else READINGS
    return plan.tuned(options) if options else plan
