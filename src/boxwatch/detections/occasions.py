"""Alarms of a table: which rows are beyond a budget of occasions, and what an ordinary score is.

Alarms come in runs, since rows see their past. A budget counts occasions, so the threshold comes
from the peaks of held-out scores: the greatest first, then the greatest that is at least as many
rows away from those before it as a row looks back, and so on (declustering; Smith and Weissman,
JRSS B 1994). So one excursion is one peak wherever it stands, and one that goes on is several. The
share of peaks that may be a false alarm is the budget times the time from one peak to the next.

Training is rarely clean: faults that nobody noticed are among its peaks and would lift the
threshold over others of their kind. The body of the peaks knows little of them, so where a Pareto
law through its median and its 80 % quantile puts the threshold lower, it stands there.

A view that is watched learns anew what has become normal. A table is judged by one training, so
each row's score is measured by the median of the day before it, of held-out rows as of those that
are judged.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.models import SPAN, Calibrator, Saved, Vector, threshold
from boxwatch.models.saved import expect, floats, number, whole

Float64 = NDArray[np.float64]

_VERSION: Final = 2
_MOST: Final = 0.2  # of peaks that are alarms, however large the budget: more is no exception
_DAY_SECONDS: Final = 86_400.0
_SETTLES: Final = 8  # the part of a day from which its median is known well enough
_KEPT: Final = 100_000  # the latest held-out scores that peaks are looked for in
_BODY: Final = (0.5, 0.8)  # the quantiles of peaks that unnoticed faults hardly move
_TINY: Final = 1e-9


class Occasions:
    """The scores of normal rows, and what their peaks say of a threshold. Made by `fit` or `load`.

    Args:
        unit: The median score of a normal row.
        stretch: Rows that one occasion lasts.
        held: Held-out scores in units, in the order of time.
    """

    name: ClassVar[str] = "occasions"

    def __init__(self, unit: float, stretch: int, held: NDArray[np.float32]) -> None:
        self.unit = unit
        self.stretch = stretch
        self._held = held

    @classmethod
    def fit(cls, scores: Vector, stretch: int) -> Self:
        """Learn from held-out scores in the order of time; one occasion lasts `stretch` rows."""
        unit = max(float(np.median(scores)), _TINY)
        return cls(unit, stretch, np.asarray(scores[-_KEPT:] / unit, dtype=np.float32))

    def in_units(self, scores: Vector) -> Vector:
        """Scores with an ordinary row's as 1; none is 0."""
        return np.asarray(np.maximum(scores / self.unit, _TINY), dtype=np.float32)

    def alarms(
        self, score: Vector, false_alarms_per_day: float, interval_s: float
    ) -> NDArray[np.bool_]:
        """Which rows are alarms, if normal ones may cause so many occasions a day.

        Args:
            score: From `in_units`, in the order of time; each row sees those of the day before.
            false_alarms_per_day: The budget; with 0 there is no alarm.
            interval_s: Seconds from one row to the next.
        """
        day = max(round(_DAY_SECONDS / interval_s), SPAN)
        peaks = _peaks(_by_the_usual(self._held, day), self.stretch)
        apart_s = interval_s * len(self._held) / len(peaks)
        alpha = threshold(7.0 * false_alarms_per_day, apart_s, 1.0, most=_MOST)
        measured = _by_the_usual(score, day)
        if alpha <= 0.0:
            return np.zeros(len(score), bool)
        p = Calibrator.fit(peaks).p_value(measured)
        return np.asarray((p <= alpha) | (measured >= _of_the_body(peaks, alpha)))

    def save(self) -> Saved:
        """The held-out scores, with unit and stretch beside them."""
        meta = {"model": self.name, "version": _VERSION, "unit": self.unit, "stretch": self.stretch}
        return Saved({"held": self._held}, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The occasions that `save` described."""
        expect(saved, cls.name, _VERSION)
        held = floats(saved, "held", (None,)).astype(np.float32)
        return cls(number(saved, "unit"), whole(saved, "stretch"), held)


def _by_the_usual(score: Vector, rows: int) -> Float64:
    """What scores are by the median of the last `rows` before them, where that is above 1."""
    values = score.astype(np.float64)
    past = pl.Series(values).shift(1)
    median = past.rolling_median(rows, min_samples=max(rows // _SETTLES, 1))
    return np.asarray(values / np.maximum(median.fill_null(1.0).to_numpy(), 1.0))


def _peaks(values: Float64, apart: int) -> NDArray[np.float32]:
    """The greatest values that are at least `apart` rows from each other, in the order of time."""
    covered = np.zeros(len(values), bool)
    found = []
    for place in np.argsort(-values, kind="stable").tolist():
        if not covered[place]:
            found.append(place)
            covered[max(place - apart + 1, 0) : place + apart] = True
    return np.asarray(values[np.sort(found)], dtype=np.float32)


def _of_the_body(peaks: NDArray[np.float32], alpha: float) -> float:
    """What a share `alpha` of peaks exceeds, by a Pareto law through two quantiles of them."""
    low, high = np.quantile(peaks.astype(np.float64), _BODY).tolist()
    if alpha >= 1.0 - _BODY[1] or not high > low > 0.0:
        return math.inf
    share = math.log((1.0 - _BODY[0]) / alpha) / math.log((1.0 - _BODY[0]) / (1.0 - _BODY[1]))
    return float(low * (high / low) ** share)
