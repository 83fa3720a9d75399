"""How well lines are grouped, and how well templates are told: GA, FGA and FTA.

The definitions are those of Loghub-2.0 (Jiang et al., ISSTA 2024; FTA after Khan et al., ICSE
2022):

- GA, grouping accuracy: the share of lines whose group holds the same lines as the true one.
- FGA: such groups, as F1 of their share of the groups told and of the true ones.
- FTA: told templates all of whose lines truly have a template of exactly that text, as F1 again.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Quality:
    """Each from 0 to 1; higher is better."""

    ga: float
    fga: float
    fta: float


def quality(truth: pl.Series, told: pl.Series, groups: pl.Series | None = None) -> Quality:
    """How well `told` templates agree with `truth`, line by line.

    Args:
        truth: The true template of each line.
        told: The template that each line was given.
        groups: Which lines were grouped, where that is not by the text of their templates.
    """
    groups = told if groups is None else groups
    lines = pl.DataFrame({"truth": truth, "told": told, "group": groups})
    both = lines.group_by("truth", "group").agg(pl.len().alias("both"))
    right = both.filter(
        pl.col("both") == pl.col("both").sum().over("truth"),
        pl.col("both") == pl.col("both").sum().over("group"),
        pl.len().over("truth") == 1,
        pl.len().over("group") == 1,
    )
    true_groups, told_groups = truth.n_unique(), groups.n_unique()
    same = lines.group_by("told").agg((pl.col("truth") == pl.col("told")).all().alias("same"))
    return Quality(
        ga=float(right["both"].sum()) / lines.height,
        fga=_f1(right.height, told_groups, true_groups),
        fta=_f1(int(same["same"].sum()), same.height, true_groups),
    )


def _f1(right: int, told: int, true: int) -> float:
    return 2 * right / (told + true)
