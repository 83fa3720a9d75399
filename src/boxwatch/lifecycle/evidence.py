"""What is measured of a version before it may be used: the data behind every gate.

A task measures candidate and champion on the same cases in the same run; what it cannot measure
stays None or empty, and the gate that needs it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from boxwatch.lifecycle.drift import Profile


@dataclass(frozen=True, slots=True)
class Evidence:
    """One version's measurements.

    Attributes:
        quality: How well each case was handled, from 0 to 1, by the case's name.
        trials: How many trials each case's quality is the mean of.
        false_alarms: Counted on rows that are known to be normal.
        normal_weeks: How many host weeks those rows are.
        found: By class of injected fault, how many were found and how many there were.
        strange_above: The share of pairs (a strange row, a normal one) in which the strange row
            scores higher; rows that are far out by construction. None = the task has no scores.
        accuracy: Of a classifier, on held-out rows; None = it is none.
        row_seconds: Processor time a row, measured beside the champion.
        bytes_at_rest: Size of the artifacts.
        features: By part, the features in their order.
        learned: By part, the profile of the rows it says that it learned from.
        contaminated: Rows it learned from that lie in flagged or unlabelled incident time.
        rows: Rows it learned from.
        artifacts: By part, the artifact.
        unmeasured: What could not be measured, and why.
        again: The same when trained again from the same selection and recipe; None = not done.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    trials: Mapping[str, int] = field(default_factory=dict)
    false_alarms: int = 0
    normal_weeks: float = 0.0
    found: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    strange_above: float | None = None
    accuracy: float | None = None
    row_seconds: float | None = None
    bytes_at_rest: int | None = None
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    learned: Mapping[str, Profile] = field(default_factory=dict)
    contaminated: int = 0
    rows: int = 0
    artifacts: Mapping[str, str] = field(default_factory=dict)
    unmeasured: tuple[str, ...] = ()
    again: Mapping[str, str] | None = None
