"""Rows that agree in many columns: what is worked out of those is worked out once for all of them.

A journal's lines tell the same of their process again and again: of a million lines, a few dozen
are unlike in everything but time and message.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

import polars as pl

_SAMPLE: Final = 1024  # rows looked at to tell what rows have in common
_MANY: Final = 8  # rows to a value, for a column to be one that rows share


def filled(frame: pl.DataFrame) -> list[str]:
    """The columns in which some row has a value.

    Asked of the frame, since a column of nothing but nulls takes no room until it is looked at.
    """
    unknown = frame.null_count().row(0)
    return [name for name, n in zip(frame.columns, unknown, strict=True) if n < frame.height]


def recurring(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Those of `columns` whose values come again and again."""
    kinds = frame.head(_SAMPLE).select(pl.col(columns).n_unique()).row(0, named=True)
    most = min(_SAMPLE, frame.height)
    return [name for name in columns if kinds[name] * _MANY <= most]


class Alike:
    """The combinations of values in `columns` of `frame`.

    Combinations are told apart by a hash of 64 bits, as events are.

    Attributes:
        rows: The first row of each combination, with all columns of `frame`.
        columns: What rows of one combination agree in.

    """

    def __init__(self, frame: pl.DataFrame, columns: Sequence[str]) -> None:
        self.columns = frozenset(columns)
        said = filled(frame.select(columns))
        marks = frame.select(said or columns[:1]).hash_rows()
        firsts = marks.arg_unique()
        self.rows = frame[firsts]
        numbered = marks.gather(firsts).alias("mark").to_frame().with_row_index("number")
        table = marks.alias("mark").to_frame()
        self._numbers = table.join(numbered, on="mark", how="left", maintain_order="left")["number"]

    def telling(self, *expressions: pl.Expr) -> Alike:
        """The same combinations, with other values for some of what they agree in."""
        other = copy(self)
        other.rows = self.rows.with_columns(*expressions)
        return other

    def spread(self, told: pl.DataFrame) -> pl.DataFrame:
        """What is `told` of each combination, a row for every row of the frame."""
        return told[self._numbers]

    def spread_one(self, told: pl.Series) -> pl.Series:
        """The same of one column."""
        return told.gather(self._numbers)
