"""A table of readings as a view of one entity: the same model, the same scores.

Nothing is known of its columns but what they held in training (`plans.TABLES`). The share of
readings that are unknown is a column of its own, so that what falls silent is heard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections.learning import fit
from boxwatch.detections.occasions import Occasions
from boxwatch.detections.past import Past
from boxwatch.detections.plans import TABLE
from boxwatch.detections.scores import COMBINED
from boxwatch.detections.view_model import ViewModel
from boxwatch.errors import ModelError
from boxwatch.features import Direction, Feature, View
from boxwatch.models import Matrix, Vector

Float64 = NDArray[np.float64]

UNKNOWN: Final = "(unknown readings)"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of the rows of a table.

    A score of 1 is an ordinary row's. `shares` (rows, metrics + 1) say what part of the score each
    metric has, the last column being how many readings were unknown; they sum to 1 where there is
    anything to explain.
    """

    score: Vector
    p_value: Float64
    shares: Matrix


def fit_table(x: Float64, seed: int, metrics: Sequence[str] | None = None) -> ViewModel:
    """Learn from readings (rows, metrics) in the order of time; NaN = unknown.

    Raises:
        ModelError: fewer rows than `learning.LEAST_WINDOWS`.
    """
    names = [str(number) for number in range(x.shape[1])] if metrics is None else metrics
    features = [Feature(name, "", Direction.BOTH, math.nan, 0.0, name) for name in names]
    features.append(Feature(UNKNOWN, "", Direction.BOTH, 1.0, 0.0, "share of readings unknown"))
    view = View(TABLE, 1, tuple(features))
    return fit(view, _rows(x), np.zeros(len(x), np.int64), [TABLE], seed)


def judge(model: ViewModel, x: Float64, before: Float64 | None = None) -> Judged:
    """Scores of readings (rows, metrics) in the order of time; each sees only its past.

    Args:
        model: From `fit_table`.
        x: The rows; NaN = unknown.
        before: The rows that came right before them, if any.
    """
    known = x if before is None else np.vstack([before, x])
    which = np.arange(len(known) - len(x), len(known))
    rows, one = _rows(known), np.zeros(len(known), np.int64)
    seen = model.see(rows, one, Past(rows.shape[1], math.inf).follow(rows, one, one))
    raw, p = model.score(seen)
    name = next(iter(model.detectors))
    shares = model.shares(name, seen, which)
    whole = shares.sum(axis=1, keepdims=True)
    return Judged(
        _occasions(model).in_units(raw[name][which]),
        p[COMBINED][which],
        np.asarray(shares / np.where(whole > 0.0, whole, 1.0), dtype=np.float32),
    )


def alarms(
    model: ViewModel, score: Vector, false_alarms_per_day: float, interval_s: float
) -> NDArray[np.bool_]:
    """Which rows of a table are alarms, if normal ones may cause so many occasions a day.

    Args:
        model: From `fit_table`.
        score: From `judge`, in the order of time.
        false_alarms_per_day: The budget; with 0 there is no alarm.
        interval_s: Seconds from one row to the next.
    """
    return _occasions(model).alarms(score, false_alarms_per_day, interval_s)


def _occasions(model: ViewModel) -> Occasions:
    if model.occasions is None:
        raise ModelError(f"The model of the view {model.view.name!r} is not one of a table.")
    return model.occasions


def _rows(x: Float64) -> Float64:
    """Readings and, as a last column, the share of them that is unknown."""
    return np.hstack([x, np.isnan(x).mean(axis=1, keepdims=True)])
