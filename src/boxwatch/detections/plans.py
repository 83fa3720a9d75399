"""Which models judge which kind of view: one declared table.

Everything that gives scores (watching, replay, `train`, `detect`, `score`, the benches) goes the
same way: standardise, members, calibration, combination (`view_model`, `learning`). What differs
from one kind of view to another is said here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

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
    excursions that may be a finding, over how far its entity ordinarily goes.
    """

    kind: type[Detector]
    claims: Claims
    least: int = 0
    below: float = math.inf
    in_context: bool = False
    directed: bool = False

    @property
    def name(self) -> str:
        """The detector's name in the scores."""
        return self.kind.name

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
_READ: Final = ("gpu", "host")  # views of readings rather than of counts


def plan_of(view: View, *, courses: bool = False) -> Plan:
    """How `view` is judged.

    Args:
        view: One that is not known here is taken for counts.
        courses: Whether views of readings are judged by how these run, too.
    """
    if view.name == TABLE:
        return TABLES
    if view.name not in _READ:
        return COUNTS
    return COURSES if courses else READINGS
