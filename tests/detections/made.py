"""Windows, scores and lines made by hand, for one small view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.detections import SCORES
from boxwatch.features import Direction, Feature, View

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP_S = 5
SMALL = View(
    "host",
    STEP_S,
    (
        Feature("busy", "ratio", Direction.HIGH, 0.1, 0.04, "processor time in use"),
        Feature("memory", "ratio", Direction.HIGH, 0.1, 0.04, "memory in use"),
        Feature("traffic", "log", Direction.BOTH, 0.5, 0.3, "MB/s sent"),
        Feature("utilization", "ratio", Direction.CONTEXT, 0.3, 0.05, "share of time in use"),
    ),
)
USUAL = (0.2, 0.4, 1.0, 0.5)


def at(window: int) -> datetime:
    """When the window with this number starts."""
    return START + timedelta(seconds=STEP_S * window)


def ordinary(count: int, seed: int = 1) -> NDArray[np.float64]:
    """Features of `count` ordinary windows, one row each."""
    return np.random.default_rng(seed).normal(USUAL, 0.02, (count, len(USUAL)))


def windows(
    values: NDArray[np.float64], *, first: int = 0, entities: Sequence[str] = ("host",)
) -> pl.DataFrame:
    """The windows of `SMALL` from number `first` on; rows take turns among the entities."""
    place = np.arange(len(values))
    number = first + place // len(entities)
    return pl.DataFrame(
        {
            "host": ["box"] * len(values),
            "view": [SMALL.name] * len(values),
            "entity": [entities[one % len(entities)] for one in place],
            "start": [at(int(one)) for one in number],
            "end": [at(int(one) + 1) for one in number],
            "coverage": np.ones(len(values)),
            **dict(zip(SMALL.columns, values.T, strict=True)),
        },
        schema=dict(SMALL.schema),
    )


def scores(
    p_values: Sequence[float], entity: str = "host", view: str = "host", first: int = 0
) -> pl.DataFrame:
    """Combined scores of consecutive windows of one entity."""
    number = range(first, first + len(p_values))
    rows = len(p_values)
    return pl.DataFrame(
        {
            "host": ["box"] * rows,
            "view": [view] * rows,
            "entity": [entity] * rows,
            "start": [at(one) for one in number],
            "end": [at(one + 1) for one in number],
            "detector": ["combined"] * rows,
            "model_version": ["host-1"] * rows,
            "raw": [0.0] * rows,
            "p_value": list(p_values),
            "contributions": [
                '[{"feature":"busy","share":1.0,"text":"much"}]' if p <= 1e-3 else None
                for p in p_values
            ],
        },
        schema=dict(SCORES),
    )
