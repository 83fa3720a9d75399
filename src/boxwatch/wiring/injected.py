"""Faults put into rows that are known to be normal, and which of them a model finds.

For each feature that may be a finding: a stretch of an entity's own rows, its second half moved by
so many of its usual deviations in the direction that counts. Nothing of a model is used to make a
case, so two models are judged on the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.detections import COMBINED, IN_A_ROW, Past, ViewModel
from boxwatch.features import Direction, View
from boxwatch.models import SPAN

Float64 = NDArray[np.float64]

STRENGTHS: Final = (6.0, 12.0, 24.0)  # deviations: to be missed at times, hardly ever, never
GLARING: Final = STRENGTHS[-1]
LASTS: Final = 12  # windows
_DRAWS: Final = 8  # of each feature and strength
_BRIDGED: Final = 12  # windows between alarms that a person would call one
_NORMAL: Final = 1.4826  # median absolute deviations in one standard deviation


@dataclass(frozen=True, slots=True)
class Cases:
    """Stretches of rows with a fault in their last `LASTS` rows.

    Attributes:
        keys: The entity of each stretch, "host NUL entity".
        features: The feature that was moved.
        strengths: By how many deviations.
        rows: Shape (stretches, `SPAN` + `LASTS`, features).
    """

    keys: list[str]
    features: list[str]
    strengths: Float64
    rows: Float64


def inject(view: View, windows: pl.DataFrame, seed: int) -> Cases:
    """Cases from normal `windows` (the view's schema, by time); entities too short give none."""
    drawn = np.random.default_rng(seed)
    length = SPAN + LASTS
    entities = [
        (f"{host}\0{entity}", rows.select(view.columns).to_numpy().astype(np.float64))
        for (host, entity), rows in windows.group_by("host", "entity", maintain_order=True)
        if rows.height >= length
    ]
    keys, features, strengths, stretches = [], [], [], []
    for at, feature in enumerate(view.features):
        if feature.direction is Direction.CONTEXT or not entities:
            continue
        for number in range(_DRAWS * len(STRENGTHS)):
            key, rows = entities[int(drawn.integers(len(entities)))]
            start = int(drawn.integers(len(rows) - length + 1))
            strength = STRENGTHS[number % len(STRENGTHS)]
            stretch = rows[start : start + length].copy()
            up = feature.direction is not Direction.LOW
            if feature.direction is Direction.BOTH:
                up = bool(drawn.random() < 0.5)
            step = strength * max(_deviation(rows[:, at]), feature.floor)
            stretch[SPAN:, at] += step if up else -step
            if np.isnan(stretch[SPAN:, at]).any():
                continue  # an unknown value cannot be moved
            keys.append(key)
            features.append(feature.name)
            strengths.append(strength)
            stretches.append(stretch)
    shape = (len(keys), length, len(view.features))
    return Cases(keys, features, np.array(strengths), np.array(stretches).reshape(shape))


def found(model: ViewModel, cases: Cases, alpha: float) -> tuple[NDArray[np.bool_], Float64]:
    """Which cases open a finding at `alpha`, and the p-values of their rows (stretches, rows)."""
    stretches, length, width = cases.rows.shape
    p = p_values(
        model, cases.rows.reshape(-1, width), np.repeat(cases.keys, length).tolist(), length
    )
    p = p.reshape(stretches, length)
    return runs(p[:, SPAN:] <= alpha), p


def p_values(model: ViewModel, x: Float64, keys: Sequence[str], length: int) -> Float64:
    """The combined p-value of each row; every `length` rows are a course of their own."""
    if len(x) == 0:
        return np.empty(0)
    course = np.arange(len(x)) // length
    past = Past(x.shape[1], np.inf).follow(x, course, np.zeros(len(x), np.int64))
    seen = model.see(x, model.numbers(list(keys)), past)
    return model.score(seen)[1][COMBINED]


def runs(below: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each row of `below` has `IN_A_ROW` true values one after another."""
    enough = np.ones_like(below[:, IN_A_ROW - 1 :])
    for shift in range(IN_A_ROW):
        enough &= below[:, shift : below.shape[1] - IN_A_ROW + 1 + shift]
    return np.asarray(enough.any(axis=1))


def alarms(p: Float64, alpha: float) -> int:
    """How many alarms one entity's p-values in a row give at `alpha`; close ones count as one."""
    at = np.flatnonzero((p[1:] <= alpha) & (p[:-1] <= alpha))
    return int((np.diff(at, prepend=-_BRIDGED - 1) > _BRIDGED).sum())


def _deviation(values: Float64) -> float:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return 0.0
    return float(_NORMAL * np.median(np.abs(known - np.median(known))))
