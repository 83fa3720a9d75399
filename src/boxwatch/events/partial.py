"""Container lines that the container engine split at 16 KiB, joined again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

Extras = dict[int, dict[str, Any]]


def join_parts(
    draft: pl.DataFrame,
    unfinished: pl.Series,
    stream: Sequence[str],
    extras: Mapping[int, Mapping[str, Any]] | None = None,
) -> tuple[pl.DataFrame, Extras]:
    """`draft` with the parts of one line as one row, and `extras` moved to the new positions.

    `unfinished` is true for a part whose line goes on in the next row of the same stream; the
    columns `stream` tell streams apart. The row is that of the first part, with the whole message.
    A line whose end is not in this chunk stays as it is, with the attribute `partial`: a source
    should cut its chunks between lines.
    """
    old = extras or {}
    if not unfinished.any():
        return draft, {position: dict(extra) for position, extra in old.items()}
    keys = list(stream)
    table = draft.with_columns(unfinished.alias("unfinished")).with_row_index("position")
    begins = ~pl.col("unfinished").shift(1, fill_value=False)
    table = table.with_columns(begins.over(keys).cum_sum().over(keys).alias("line"))
    joined = table.group_by([*keys, "line"], maintain_order=True).agg(
        pl.exclude("message", "unfinished").first(),
        pl.col("message").str.join(""),
        pl.col("unfinished").last(),
        pl.col("position").alias("positions"),
    )
    joined = joined.sort("position")
    moved: Extras = {}
    for position, (members, open_end) in enumerate(joined.select("positions", "unfinished").rows()):
        for member in members:
            if member in old:
                moved.setdefault(position, {}).update(old[member])
        if open_end:
            moved.setdefault(position, {})["partial"] = True
    return joined.select(draft.columns), moved
