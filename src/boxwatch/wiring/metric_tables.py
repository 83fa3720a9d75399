"""Tables of readings from anyone's files: CSV, Parquet or npz, rows in time order, columns metrics.

What cannot be used is left out and said, never guessed: a person must know what was not judged.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.errors import UsageError

_FORMATS: Final = ".csv, .parquet or .npz"
_NUMBERS: Final = 0.5  # of a text column's values, from which it is one of numbers


@dataclass(frozen=True, slots=True)
class MetricTable:
    """Readings (rows, metrics), NaN = unknown; `times` where there is a column of them."""

    path: str
    metrics: list[str]
    values: NDArray[np.float64]
    times: pl.Series | None
    notes: list[str]


def read_table(path: Path, role: str) -> MetricTable:
    """Read a table.

    Args:
        path: The file; its ending says what it is.
        role: `train` or `test`: the array of that name is taken where an npz holds several.

    Raises:
        UsageError: there is no such file, it cannot be read, or it holds no column of numbers.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}.", hint="Check the path.")
    notes: list[str] = []
    frame = _arrays(path, role) if path.suffix == ".npz" else _frame(path)
    metrics, values, times = _columns(frame, notes)
    if not metrics:
        raise UsageError(
            f"{str(path)!r} has no column of numbers.", hint=f"It has {', '.join(frame.columns)}."
        )
    matrix = np.column_stack(values) if frame.height else np.empty((0, len(metrics)))
    infinite = int(np.isinf(matrix).sum())
    if infinite:
        notes.append(f"{role}: {infinite} infinite readings count as unknown")
    matrix[np.isinf(matrix)] = np.nan
    if times is not None and not times.drop_nulls().is_sorted():
        raise UsageError(
            f"The rows of {str(path)!r} are not in the order of {times.name!r}.",
            hint="Sort them by time: what a row is judged by is what came before it.",
        )
    return MetricTable(str(path), metrics, matrix, times, notes)


def _frame(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema_length=None, try_parse_dates=True)
    except pl.exceptions.NoDataError:
        raise UsageError(f"{str(path)!r} is empty.", hint="It needs a line of names.") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read: {error}.", hint=f"A table is {_FORMATS}."
        ) from None
    raise UsageError(f"{str(path)!r} is of no known kind.", hint=f"A table is {_FORMATS}.")


def _arrays(path: Path, role: str) -> pl.DataFrame:
    try:
        with np.load(path, allow_pickle=False) as archive:
            tables = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read as npz: {error}.",
            hint="It holds arrays of numbers; pickled objects are not read.",
        ) from None
    matrices = {n: a for n, a in tables.items() if a.ndim == 2 and a.dtype.kind in "fiub"}
    if role not in matrices and len(matrices) != 1:
        raise UsageError(
            f"{str(path)!r} has no array {role!r} of two dimensions.",
            hint=f"It has {', '.join(tables) or 'none'}.",
        )
    matrix = matrices[role] if role in matrices else next(iter(matrices.values()))
    names = tables.get("columns")
    if names is None or names.shape != matrix.shape[1:]:
        names = np.array([f"metric_{number}" for number in range(matrix.shape[1])])
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts):
        raise UsageError(f"{str(path)!r} names a column twice.", hint="Name each one once.")
    return pl.DataFrame(dict(zip(texts, matrix.astype(np.float64).T, strict=True)))


def _columns(
    frame: pl.DataFrame, notes: list[str]
) -> tuple[list[str], list[NDArray[np.float64]], pl.Series | None]:
    """The columns of numbers, and the first one of instants."""
    metrics: list[str] = []
    values: list[NDArray[np.float64]] = []
    times: pl.Series | None = None
    for column in frame:
        if column.dtype.is_temporal():
            times = column if times is None else times
            continue
        numbers = _numbers(column)
        if numbers is None:
            notes.append(f"{column.name!r} is left out: it holds no numbers")
            continue
        metrics.append(column.name)
        values.append(numbers)
    return metrics, values, times


def _numbers(column: pl.Series) -> NDArray[np.float64] | None:
    """The column as float64 with NaN for unknown; None where it is not one of numbers."""
    if isinstance(column.dtype, pl.Null) or column.dtype.is_numeric() or column.dtype == pl.Boolean:
        found = column.cast(pl.Float64)
    elif isinstance(column.dtype, pl.String):
        found = column.str.strip_chars().cast(pl.Float64, strict=False)
        if found.len() - found.null_count() < _NUMBERS * max(column.len(), 1):
            return None
    else:
        return None
    return found.fill_null(float("nan")).to_numpy().astype(np.float64)
