"""What a rule on readings looks for, as expressions over a wide frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

Parameters = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Condition:
    """Expressions over one kind's wide frame. `values` are the numbers of the reason text.

    They say of each row whether it is `bad`, whether all is `well` (a row may be neither: unknown,
    or inside the hysteresis), and whether it is `worse`.

    `weight`, where given, is summed over `within_seconds` and bad from `least` on.
    """

    metric: str
    bad: pl.Expr
    well: pl.Expr
    values: tuple[pl.Expr, ...] = ()
    worse: pl.Expr | None = None
    weight: pl.Expr | None = None
    least: float = 0.0
    within_seconds: float = 0.0
