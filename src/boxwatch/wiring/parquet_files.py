"""Files of log lines as Parquet: told from text, and held to the columns they must have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.errors import UsageError

_MAGIC: Final = b"PAR1"  # https://parquet.apache.org/docs/file-format
_SCORE_HINT: Final = "`logs score` takes Parquet: write the lines as Parquet first."


def refuse_parquet(path: Path) -> None:
    """Take `path` for text, unless it begins and ends as Parquet does.

    Raises:
        UsageError: it is Parquet; names its columns.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(-min(len(_MAGIC), path.stat().st_size), os.SEEK_END)
        end = file.read()
    if start == end == _MAGIC:
        columns = ", ".join(scan(path, []).collect_schema().names())
        raise UsageError(
            f"{str(path)!r} is Parquet: give --column.",
            hint=f"Name the column of the messages; it has {columns}.",
        )


def scan(path: Path, columns: Sequence[str], hint: str = _SCORE_HINT) -> pl.LazyFrame:
    """The Parquet file `path`, which must have `columns`; `hint` is for one that is no Parquet.

    Raises:
        UsageError: no such file, no Parquet, or a column is missing; names those there are.

    """
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}.", hint="Check the path.")
    lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    try:
        there = lazy.collect_schema().names()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read as Parquet: {error}.",
            hint=hint,
        ) from None
    for column in columns:
        if column not in there:
            raise UsageError(
                f"{str(path)!r} has no column {column!r}.", hint=f"It has {', '.join(there)}."
            )
    return lazy
