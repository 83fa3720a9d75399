"""What a set of options is worth: injected faults found at the budget, on rows set apart for it.

The rows that the gates will judge a version by (the last tenth) are not touched. Of the rest, the
options are tried three times, each time on a later stretch after all that came before it, with
faults of seeds that no gate uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.detections import ViewModel
from boxwatch.detections.plans import JOINT, READ
from boxwatch.errors import UsageError
from boxwatch.features import VIEWS, View
from boxwatch.lifecycle.intervals import poisson_low
from boxwatch.models import WEEK_SECONDS
from boxwatch.settings import Settings
from boxwatch.wiring.detector_findings import LEAST_CHECKED
from boxwatch.wiring.detector_task import LEARNED, alarm_level, fit_windows
from boxwatch.wiring.injected import Cases, alarms, found, inject, p_values
from boxwatch.wiring.study_recipes import recipe_of

OBJECTIVE: Final = "share of injected faults found at the budget of false alarms"
_STEPS: Final = 3
_FIRST: Final = 0.5  # of what is not the gates', learned from before the first stretch
_TIGHTER: Final = 30  # times the level may be halved until the budget is kept
_HELD_OUT: Final = 0.7  # of the windows, what members of a view learn from

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One view's rows to learn from and, after them, those to judge by, with and without faults."""

    view: View
    learned: pl.DataFrame
    checked: pl.DataFrame
    cases: Cases
    alpha: float


class DetectorTrials:
    """Judges options of the detectors on the same rows and faults, again and again.

    Args:
        settings: The budget of false alarms.
        rows: Of each view, by time, as they are kept for training.
        recipe: What no option changes: the seed.

    Raises:
        UsageError: there is nothing to judge by.
    """

    def __init__(
        self, settings: Settings, rows: Mapping[str, pl.DataFrame], recipe: Mapping[str, Any]
    ) -> None:
        self._recipe = recipe
        self._budget = settings.detections.false_alarms_per_host_week / len(VIEWS)
        self._steps = [
            [
                one
                for name in READ
                if name in rows
                for one in _lesson(settings, rows[name], name, at)
            ]
            for at in range(_STEPS)
        ]
        self._steps = [lessons for lessons in self._steps if lessons]
        if not self._steps:
            raise UsageError(
                f"There are too few windows to tune by: {_counts(rows)}.",
                hint=f"Detectors that have options serve from {JOINT} windows of a view on, three "
                "times learned from and judged; collect for some hours more.",
            )

    def judge(self, values: Mapping[str, Any]) -> Iterator[float]:
        """The objective over the steps so far, after each."""
        recipe = {**self._recipe, **recipe_of(values)}
        reached: list[float] = []
        for lessons in self._steps:
            shares = [self._share(one, recipe) for one in lessons]
            reached.append(float(np.mean(shares)))
            yield float(np.mean(reached))

    def _share(self, lesson: _Lesson, recipe: Mapping[str, Any]) -> float:
        """The share of faults found, at the level that keeps the budget without faults."""
        model = fit_windows(lesson.view, lesson.learned, recipe)
        level = self._level(model, lesson)
        hits, _ = found(model, lesson.cases, level)
        return float(hits.mean())

    def _level(self, model: ViewModel, lesson: _Lesson) -> float:
        """The highest level, from that of the budget downwards, not surely above the budget.

        Without this, options that raise alarms for nothing would find the most faults.
        """
        moments = lesson.checked.select(pl.struct("host", "start").n_unique()).item()
        weeks = moments * lesson.view.window_s / WEEK_SECONDS
        p = list(_undisturbed(model, lesson.checked))
        level = lesson.alpha
        for _ in range(_TIGHTER):
            count = sum(alarms(one, level) for one in p)
            if poisson_low(count) / weeks <= self._budget:
                break
            level /= 2.0
        return level


def _lesson(settings: Settings, rows: pl.DataFrame, name: str, step: int) -> Iterator[_Lesson]:
    """The view's part of a step; none where it has too few rows for one."""
    view, ordered = VIEWS[name], rows.sort("start", "host", "entity")
    edges = np.linspace(_FIRST, 1.0, _STEPS + 1) * LEARNED * ordered.height
    start, end = list(pairwise(edges.astype(int).tolist()))[step]
    learned, checked = ordered.head(start), ordered.slice(start, end - start)
    if learned.height * _HELD_OUT < JOINT or checked.height < LEAST_CHECKED:
        return
    cases = inject(view, checked, seed=1 + step)
    if cases.keys:
        yield _Lesson(view, learned, checked, cases, alarm_level(settings, view, rows))


def _undisturbed(model: ViewModel, windows: pl.DataFrame) -> Iterator[Float64]:
    """Each entity's p-values without faults."""
    ordered = windows.sort("host", "entity", "start")
    for (host, entity), rows in ordered.group_by("host", "entity", maintain_order=True):
        x = rows.select(model.view.columns).to_numpy().astype(np.float64)
        yield p_values(model, x, [f"{host}\0{entity}"] * len(x), len(x))


def _counts(rows: Mapping[str, pl.DataFrame]) -> str:
    told = [f"{name} {rows[name].height}" for name in READ if name in rows]
    return ", ".join(told) or f"none of {' or '.join(READ)}"
