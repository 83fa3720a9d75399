"""NAB: single metrics as they come, each judged by nothing but its own past.

The model of a table learns from what came before and learns again every `_RELEARN` rows. An alarm
opens an occasion; what follows within `_REST` rows is the same one unless it is stranger still, so
a row keeps its score only if none of the last `_REST` rows had more.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.bench.detectors.nab import Series, best_threshold, nab_score, probation
from boxwatch.bench.detectors.tables import WHERE
from boxwatch.bench.result import BenchOptions, Figure, at_least, measured
from boxwatch.detections import fit_table, judge
from boxwatch.errors import UsageError
from boxwatch.models import SPAN

Float64 = NDArray[np.float64]

AWS: Final = "realAWSCloudwatch"
KNOWN: Final = "realKnownCause"
TARGET: Final = 65.0
_RELEARN: Final = 288
_REST: Final = 144
_MEMORY: Final = 4_000  # rows that it learns from at most


def streams(options: BenchOptions) -> Iterator[Figure]:
    """The NAB score of the AWS files, and of those with known causes as a check.

    Raises:
        UsageError: the data set is not there.
    """
    folder = (options.data_sets or Path()) / "metrics" / "nab"
    if not folder.is_dir():
        raise UsageError(f"There is no {str(folder)!r}.", hint=WHERE)
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    for group in (AWS, KNOWN):
        names = sorted(name for name in labels if name.startswith(group))[: options.size]
        judged = []
        for number, name in enumerate(names):
            options.progress(f"NAB {name}", number, len(names))
            judged.append(series(folder / "data" / name, labels[name], options.seed))
        best = nab_score(judged, best_threshold(judged))
        name = f"NAB {group}, standard profile, best threshold"
        yield at_least(name, best, "", TARGET) if group == AWS else measured(name, best, "")


def series(path: Path, windows: list[list[str]], seed: int) -> Series:
    """One file of NAB, scored."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    times = [_instant(row[0]) for row in rows]
    places = [
        (bisect_left(times, _instant(first)), bisect_right(times, _instant(last)) - 1)
        for first, last in windows
    ]
    values = np.array([float(row[1]) for row in rows])
    return Series(first_of_an_occasion(as_it_comes(values, seed)), places)


def as_it_comes(values: Float64, seed: int) -> Float64:
    """-log10 of each value's p-value, by what came before it; 0 while still learning."""
    x = values[:, None]
    scores = np.zeros(len(x))
    for start in range(probation(len(x)), len(x), _RELEARN):
        model = fit_table(x[max(start - _MEMORY, 0) : start], seed)
        part = x[start : start + _RELEARN]
        judged = judge(model, part, x[max(start - SPAN + 1, 0) : start])
        scores[start : start + len(part)] = -np.log10(judged.p_value)
    return scores


def first_of_an_occasion(scores: Float64) -> Float64:
    """`scores` with 0 where one of the last `_REST` rows scored as much or more."""
    before = pl.Series(scores).shift(1).rolling_max(_REST, min_samples=1)
    return np.where(scores > before.fill_null(-np.inf).to_numpy(), scores, 0.0)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
