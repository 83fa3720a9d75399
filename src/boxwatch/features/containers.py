"""Containers by name: what is measured of a container knows its id, what people know is its name.

Lines and events of the Docker engine tell both. Until one was heard, the id stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import polars as pl

from boxwatch.events.schema import Schema

_SHORT: Final = 12  # letters of an id that an entity is called by
_MOST: Final = 20_000  # containers that are remembered
_KEY: Final = ["host", "entity"]
_NAMES: Final[Schema] = {"host": pl.String(), "entity": pl.String(), "named": pl.String()}


class Containers:
    """Learns names from log rows. All state is in `save()`."""

    def __init__(self) -> None:
        self._names = pl.DataFrame(schema=dict(_NAMES))

    def learn(self, logs: pl.DataFrame) -> None:
        """Take up the names that rows of the `logs` table tell."""
        told = logs.filter(
            pl.col("container_id").is_not_null() & (pl.col("container_name").str.len_bytes() > 0)
        )
        if told.is_empty():
            return
        fresh = told.select(
            "host",
            ("service:" + pl.col("container_id").str.slice(0, _SHORT)).alias("entity"),
            ("service:" + pl.col("container_name").str.strip_prefix("/")).alias("named"),
        ).unique(maintain_order=True)
        known = pl.concat([self._names, fresh])
        self._names = known.unique(_KEY, keep="last", maintain_order=True).tail(_MOST)

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` with the entities of containers called by name, where it is known."""
        if self._names.is_empty() or rows.is_empty():
            return rows
        joined = rows.join(self._names, on=_KEY, how="left", maintain_order="left")
        return joined.with_columns(pl.coalesce("named", "entity").alias("entity")).drop("named")

    def save(self) -> dict[str, object]:
        """All state: a frame."""
        return {"names": self._names}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._names = cast("pl.DataFrame", saved["names"])
