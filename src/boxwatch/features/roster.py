"""Who is expected: the entities of a view that were heard of within the last hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import polars as pl

from boxwatch.events.schema import TIME, Schema

_FORGET: Final = timedelta(hours=1)  # an entity not heard of for so long is no longer expected
GONE: Final = timedelta(days=1)  # nor is anything else known about it

SEEN: Final[Schema] = {"host": pl.String(), "entity": pl.String(), "seen": TIME}


class Roster:
    """Knows which entities should have a row in a window, whether or not anything came."""

    def __init__(self) -> None:
        self.seen = pl.DataFrame(schema=dict(SEEN))

    def grid(self, slots: pl.DataFrame, present: pl.DataFrame) -> pl.DataFrame:
        """A row for every slot of every entity that is there or was within the last hour.

        Args:
            slots: host and start of the windows that closed.
            present: host, entity and start of what came in them.
        """
        came = present.group_by("host", "entity").agg(
            pl.col("start").min().alias("first"), pl.col("start").max().alias("latest")
        )
        everyone = came.join(self.seen, on=["host", "entity"], how="full", coalesce=True)
        everyone = everyone.with_columns(
            pl.coalesce("seen", "first").alias("from"),
            pl.max_horizontal("seen", "latest").alias("seen"),
        )
        now = slots.group_by("host").agg(pl.col("start").max().alias("now"))
        self.seen = (
            everyone.join(now, on="host", how="left")
            .filter(pl.col("now").is_null() | (pl.col("seen") >= pl.col("now") - _FORGET))
            .select(list(SEEN))
            .sort("host", "entity")
        )
        expected = (pl.col("start") >= pl.col("from")) & (
            pl.col("start") <= pl.col("seen") + _FORGET
        )
        return slots.join(everyone, on="host").filter(expected).select("host", "entity", "start")


def lately(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """`rows` but for those of what has been gone for long, by the instant in `column`."""
    return rows.filter(pl.col(column) > pl.col(column).max() - GONE)
