"""Alarms of a table: which rows are beyond a budget of occasions, and what an ordinary score is.

Alarms come in runs, since rows see their past. A budget counts occasions, so the threshold comes
from the greatest held-out scores of stretches as long as a row looks back: block maxima, which are
nearly independent (Gumbel, "Statistics of Extremes", 1958). The share of stretches that may hold a
false alarm is the budget times a stretch's length.

A view that is watched learns anew what has become normal. A table is judged by one training, so
each row's score is held against the median of the day before it.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.models import SPAN, Calibrator, Saved, Vector, threshold
from boxwatch.models.saved import expect, number, whole

Float64 = NDArray[np.float64]

_VERSION: Final = 1
_MOST: Final = 0.2  # of stretches with an alarm, however large the budget: more is no exception
_DAY_SECONDS: Final = 86_400.0
_SETTLES: Final = 8  # the part of a day from which its median is known well enough
_TINY: Final = 1e-9


class Occasions:
    """The greatest scores of stretches of normal rows. Made by `fit` or `load`."""

    name: ClassVar[str] = "occasions"

    def __init__(self, unit: float, stretch: int, calibrator: Calibrator) -> None:
        self.unit = unit  # the median score of a normal row
        self.stretch = stretch
        self.calibrator = calibrator

    @classmethod
    def fit(cls, scores: Vector, stretch: int) -> Self:
        """Learn from held-out scores in the order of time; one occasion lasts `stretch` rows."""
        unit = max(float(np.median(scores)), _TINY)
        whole_ones = max(len(scores) // stretch, 1)
        greatest = [part.max() for part in np.array_split(scores / unit, whole_ones)]
        return cls(unit, stretch, Calibrator.fit(np.array(greatest, np.float32)))

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
        alpha = threshold(7.0 * false_alarms_per_day, self.stretch * interval_s, 1.0, most=_MOST)
        day = max(round(_DAY_SECONDS / interval_s), SPAN)
        p = self.calibrator.p_value(_beyond_the_usual(score, day))
        return np.asarray(p <= alpha) & (alpha > 0.0)

    def save(self) -> Saved:
        """The calibrator, with unit and stretch beside it."""
        saved = self.calibrator.save()
        meta = {"model": self.name, "version": _VERSION, "unit": self.unit, "stretch": self.stretch}
        return Saved(saved.arrays, {**meta, "calibrator": dict(saved.meta)})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The occasions that `save` described."""
        expect(saved, cls.name, _VERSION)
        calibrator = Calibrator.load(Saved(saved.arrays, _mapping(saved)))
        return cls(number(saved, "unit"), whole(saved, "stretch"), calibrator)


def _mapping(saved: Saved) -> dict[str, object]:
    meta = saved.meta.get("calibrator")
    return dict(meta) if isinstance(meta, dict) else {}


def _beyond_the_usual(score: Vector, rows: int) -> Float64:
    """What scores are beyond the median of the last `rows` before them; 1 is ordinary."""
    past = pl.Series(score.astype(np.float64)).shift(1)
    median = past.rolling_median(rows, min_samples=max(rows // _SETTLES, 1))
    lasting = np.maximum(median.fill_null(1.0).to_numpy(), 1.0)
    beyond = np.maximum(np.square(score.astype(np.float64)) - np.square(lasting), 0.0)
    return np.asarray(np.sqrt(beyond + 1.0), dtype=np.float64)
