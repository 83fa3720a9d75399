"""A report of Evidently's about the same rows, for those who use its pages.

Its own defaults decide there what is drift: from a thousand rows on, a feature whose Wasserstein
distance is beyond a tenth of a standard deviation, whatever its interval. Importing it takes some
seconds, and its pages load scripts of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]
import polars as pl
from evidently import Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]


def write_report(before: pl.DataFrame, after: pl.DataFrame, file: Path) -> None:
    """Write the page about `after` against `before` (the same numeric columns) to `file`.

    Columns without any value in either are left out.

    Raises:
        OSError: the file cannot be written.
    """
    _snapshot(before, after).save_html(str(file))


def any_drifted(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether Evidently calls any column drifted."""
    metrics = _snapshot(before, after).dict()["metrics"]
    counts = [one["value"]["count"] for one in metrics if isinstance(one["value"], dict)]
    return any(count > 0 for count in counts)


def _snapshot(before: pl.DataFrame, after: pl.DataFrame) -> Any:  # noqa: ANN401 - its own class
    known = [name for name in before.columns if _known(before[name]) and _known(after[name])]
    late, usual = (
        pd.DataFrame({name: rows[name].cast(pl.Float64).to_numpy() for name in known})
        for rows in (after, before)
    )
    return Report([DataDriftPreset()]).run(late, usual)


def _known(column: pl.Series) -> bool:
    """Whether there is any value: Evidently refuses a table with a column that has none."""
    return bool(column.cast(pl.Float64).is_finite().any())
