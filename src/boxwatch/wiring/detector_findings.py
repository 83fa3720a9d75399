"""What the models of all views find in windows that they did not learn from, and what it costs."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.detections import ViewModel, load_view_model
from boxwatch.features import View
from boxwatch.models import SPAN, WEEK_SECONDS, Saved
from boxwatch.wiring.injected import GLARING, LASTS, Cases, alarms, found, inject, p_values, runs

LEAST_CHECKED: Final = 4 * (SPAN + LASTS)
_WORD: Final = 0.05
_TIMED: Final = 3  # runs, of which the fastest counts: the others waited for something else


class Findings:
    """What the views' measurements come to together."""

    def __init__(self) -> None:
        self.quality: dict[str, float] = {}
        self.trials: dict[str, int] = {}
        self.found: dict[str, tuple[int, int]] = {}
        self.unmeasured: list[str] = []
        self.false_alarms = 0
        self.host_weeks = 0.0
        self.seconds = 0.0
        self.scored = 0
        self._pairs = 0.0
        self._above = 0.0

    def add(self, view: View, saved: Saved, checked: pl.DataFrame, alpha: float) -> None:
        """Measure one view on windows that were not learned from."""
        if checked.height < LEAST_CHECKED:
            self.unmeasured.append(f"{view.name}: {checked.height} windows to check with")
            return
        model = load_view_model(view, saved)
        normal = self._normal(model, checked, alpha)
        cases = inject(view, checked, seed=0)
        if not cases.keys:
            self.unmeasured.append(f"{view.name}: no entity has {SPAN + LASTS} windows in a row")
            return
        hits, p = found(model, cases, alpha)
        self._cases(view, cases, hits, runs(p[:, SPAN:] <= _kept_to_its_word(alpha, normal)))
        glaring = cases.strengths == GLARING
        strange = p[glaring][:, SPAN:].ravel()
        order = np.sort(normal)
        after = len(order) - np.searchsorted(order, strange, side="right")
        equal = np.searchsorted(order, strange, side="right") - np.searchsorted(order, strange)
        self._above += float((after + equal / 2.0).sum())
        self._pairs += float(len(strange) * len(order))

    def above(self) -> float | None:
        """The share of pairs in which the strange row has the smaller p-value."""
        return None if self._pairs == 0.0 else self._above / self._pairs

    def _normal(self, model: ViewModel, checked: pl.DataFrame, alpha: float) -> NDArray[np.float64]:
        """P-values of the windows as they are; counts their alarms and what they cost."""
        ordered = checked.sort("host", "entity", "start")
        moments = checked.select(pl.struct("host", "start").n_unique()).item()
        weeks = moments * model.view.window_s / WEEK_SECONDS
        self.host_weeks = max(self.host_weeks, weeks)
        found = []
        for (host, entity), rows in ordered.group_by("host", "entity", maintain_order=True):
            x = rows.select(model.view.columns).to_numpy().astype(np.float64)
            seconds = []
            for _ in range(_TIMED):
                began = time.process_time()
                p = p_values(model, x, [f"{host}\0{entity}"] * len(x), len(x))
                seconds.append(time.process_time() - began)
            self.seconds += min(seconds)
            self.scored += len(x)
            self.false_alarms += alarms(p, alpha)
            found.append(p)
        return np.concatenate(found)

    def _cases(
        self, view: View, cases: Cases, hits: NDArray[np.bool_], fair: NDArray[np.bool_]
    ) -> None:
        """Count what was found at the budget, and for quality what `fair`ly was."""
        features = np.array(cases.features)
        for feature in dict.fromkeys(cases.features):
            for strength in np.unique(cases.strengths):
                mine = (features == feature) & (cases.strengths == strength)
                if mine.any():
                    case = f"{view.name} {feature} x{strength:g}"
                    self.quality[case] = float(fair[mine].mean())
                    self.trials[case] = int(mine.sum())
        glaring = cases.strengths == GLARING
        self.found[view.name] = (int(hits[glaring].sum()), int(glaring.sum()))


def _kept_to_its_word(alpha: float, normal: NDArray[np.float64]) -> float:
    """`alpha`, lowered for a model that calls normal windows rarer than they are.

    To find more because all windows look strange is no skill: after drift the old model would
    always seem the better one. Held to its word is one p-value in twenty, where there are enough.
    """
    return float(alpha * min(1.0, np.quantile(normal, _WORD) / _WORD))
