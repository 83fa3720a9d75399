"""A check for drift as one page: what moved, drawn as it was and as it is.

Each picture holds two cumulative distributions: at a value, the share of rows that are at most so
large. Their greatest distance is Kolmogorov and Smirnov's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from boxwatch.reports.pages import ENVIRONMENT
from boxwatch.reports.words import number

WIDTH: Final = 360
HEIGHT: Final = 120
_EDGE: Final = 6

Points = Sequence[tuple[float, float]]  # value, share of rows up to it; both rising


@dataclass(frozen=True, slots=True)
class Moved:
    """A feature that moved: its distribution while the version learned, and of late."""

    view: str
    feature: str
    help: str
    effect: str
    value: float
    at_least: float
    limit: float
    before: Points
    late: Points


@dataclass(frozen=True, slots=True)
class Drawn:
    """A feature ready to print: `before` and `late` are SVG path data, empty without values."""

    moved: Moved
    before: str
    late: str
    low: str
    high: str

    @property
    def spoken(self) -> str:
        """The picture in a sentence, for those who cannot see it."""
        one = self.moved
        return (
            f"{one.feature} of {one.view}, from {self.low} to {self.high}: "
            f"{one.effect} {one.value:.3g}, at least {one.at_least:.3g}, limit {one.limit:.3g}."
        )


def drift_page(
    facts: Mapping[str, str],
    moved: Sequence[Moved],
    outputs: Sequence[Mapping[str, str]],
    unknown: Sequence[str],
) -> str:
    """One page that stands alone: it loads nothing and runs nothing.

    Args:
        facts: What the check came to, in words: name and value.
        moved: The features that moved, clearest first.
        outputs: Scores, alarms and lines as rows of one table, all with the same columns.
        unknown: Of what nothing can be said, and why.
    """
    return ENVIRONMENT.get_template("drift.html.j2").render(
        facts=facts,
        moved=[_drawn(one) for one in moved],
        outputs=outputs,
        unknown=unknown,
        sizes={"width": WIDTH, "height": HEIGHT},
    )


def _drawn(moved: Moved) -> Drawn:
    before, late = (_finite(one) for one in (moved.before, moved.late))
    values = [value for value, _ in (*before, *late)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return Drawn(moved, _path(before, low, high), _path(late, low, high), number(low), number(high))


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(value, share) for value, share in points if math.isfinite(value)]


def _path(points: Points, low: float, high: float) -> str:
    """Stairs from the left edge at the first value's height to the right edge."""
    if not points:
        return ""
    reach = high - low if high > low else 1.0
    steps = []
    for value, share in points:
        x = _EDGE + (WIDTH - 2 * _EDGE) * ((value - low) / reach if high > low else 0.5)
        y = _EDGE + (HEIGHT - 2 * _EDGE) * (1.0 - share)
        steps.append(f"H{x:.1f}V{y:.1f}")
    return f"M{_EDGE} {HEIGHT - _EDGE}{''.join(steps)}H{WIDTH - _EDGE}"
