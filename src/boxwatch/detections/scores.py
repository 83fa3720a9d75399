"""The `scores` table: one detector's opinion of one window."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events.schema import TIME, Schema

COMBINED: Final = "combined"  # the detector name of the row that decides

SCORES: Final[Schema] = {
    "host": pl.String(),
    "view": pl.String(),
    "entity": pl.String(),
    "start": TIME,
    "end": TIME,
    "detector": pl.String(),
    "model_version": pl.String(),
    "raw": pl.Float32(),  # higher = stranger
    "p_value": pl.Float64(),  # chance of a normal window scoring so high, (0, 1]
    "contributions": pl.String(),  # JSON list of {feature, share, text}; null for ordinary windows
}
