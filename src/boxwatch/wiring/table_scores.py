"""`score`: the readings of one table judged by those of another; no labels are needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.detections import (
    FEW,
    LEAST_WINDOWS,
    UNKNOWN,
    Judged,
    alarms,
    fit_table,
    judge,
)
from boxwatch.errors import UsageError
from boxwatch.models import SPAN
from boxwatch.wiring.metric_tables import MetricTable, read_table
from boxwatch.wiring.out_files import check_out

_TOP: Final = 5
_NAMED: Final = 5  # columns named in one note


@dataclass(frozen=True, slots=True)
class TableReport:
    """What `score` did; `notes` say what was left out or judged with less.

    `alarms` are rows; those at most as far apart as a row looks back are one of the `occasions`.
    `next_step` says where to look.
    """

    training_rows: int
    rows: int
    metrics: int
    alarms: int
    occasions: int
    notes: list[str]
    out: str
    next_step: str


def score_table(  # noqa: PLR0913, PLR0917 - two tables, their clock, the budget, and where to
    train: Path,
    test: Path,
    interval_s: float,
    false_alarms_per_day: float,
    out: Path,
    seed: int = 0,
) -> TableReport:
    """Learn from `train`, judge every row of `test` by it and by the rows before, write to `out`.

    One row a row of `test`: row (from 0), time where there is one, score (1 = an ordinary row,
    higher = stranger), p_value (the chance of a normal row scoring so high), alarm, contributions
    (list of metric, share, value, usual; the greatest first).

    Raises:
        UsageError: a table cannot be used; says why.
    """
    check_out(out, (train, test))
    learned, judged = read_table(train, "train"), read_table(test, "test")
    if len(learned.values) < LEAST_WINDOWS:
        raise UsageError(
            f"{learned.path!r} has {len(learned.values)} rows; "
            f"at least {LEAST_WINDOWS} are needed.",
            hint=f"From {FEW} rows on, rows are judged with those before them.",
        )
    notes = [*learned.notes, *(note for note in judged.notes if note not in learned.notes)]
    metrics = _common(learned, judged, notes)
    x, y = _of(learned, metrics), _of(judged, metrics)
    model = fit_table(x, seed, metrics)
    if not model.in_context:
        notes.append(
            f"{len(x)} training rows are few: each row is judged alone, by how far its readings "
            f"are from those seen; from {FEW} on, their course counts too"
        )
    verdicts = judge(model, y)
    alarm = alarms(model, verdicts.score, false_alarms_per_day, interval_s)
    frame = pl.DataFrame(
        {
            "row": np.arange(len(y)),
            **({} if judged.times is None else {"time": judged.times}),
            "score": verdicts.score,
            "p_value": verdicts.p_value,
            "alarm": alarm,
            "contributions": _contributions(verdicts, y, metrics, model.scale.usual(0)[0][:-1]),
        }
    )
    partial = out.with_name(out.name + ".partial")
    frame.write_parquet(partial)
    partial.replace(out)
    return TableReport(
        training_rows=len(x),
        rows=len(y),
        metrics=len(metrics),
        alarms=int(alarm.sum()),
        occasions=_occasions(alarm, SPAN if model.in_context else 1),
        notes=notes,
        out=str(out),
        next_step=_next_step(frame, out),
    )


def _occasions(alarm: NDArray[np.bool_], span: int) -> int:
    """How many runs of alarms there are, fewer than `span` rows without one being bridged."""
    return int((np.diff(np.flatnonzero(alarm), prepend=-span - 1) > span).sum())


def _next_step(scores: pl.DataFrame, out: Path) -> str:
    """Which rows of the output to look at, the strangest of them named."""
    if scores.is_empty():
        return "there are no rows to look at"
    alarms = scores.filter("alarm")
    which = "with alarm" if alarms.height > 0 else "with the highest scores (none is an alarm)"
    among = alarms if alarms.height > 0 else scores
    strangest = among.sort("score", descending=True, maintain_order=True).row(0, named=True)
    metric = strangest["contributions"][0]["metric"]
    return (
        f"look at the rows {which} in {str(out)!r}: the strangest is row {strangest['row']}, most "
        f"by {metric!r}; contributions has the metrics, their values and what is usual"
    )


def _common(learned: MetricTable, judged: MetricTable, notes: list[str]) -> list[str]:
    """The metrics that both tables have and that training knew at least once."""
    there = set(judged.metrics)
    known = np.array((~np.isnan(learned.values)).any(axis=0))
    gone = [name for name in learned.metrics if name not in there]
    new = [name for name in judged.metrics if name not in set(learned.metrics)]
    never = [
        name
        for name, one in zip(learned.metrics, known.tolist(), strict=True)
        if not one and name in there
    ]
    for names, why in (
        (gone, "not judged: in the training table alone"),
        (new, "not judged: not in the training table"),
        (never, "not judged: never known in training"),
    ):
        if names:
            notes.append(f"{_list(names)} {why}")
    left_out = {*gone, *never}
    common = [name for name in learned.metrics if name not in left_out]
    if not common:
        raise UsageError(
            f"{learned.path!r} and {judged.path!r} have no known metric in common.",
            hint="Metrics are told by the names of their columns.",
        )
    dark = ~np.any(~np.isnan(_of(judged, common)), axis=0)
    if len(judged.values) > 0 and dark.any():
        silent = [name for name, one in zip(common, dark.tolist(), strict=True) if one]
        notes.append(f"{_list(silent)} unknown in every row to judge: counted as {UNKNOWN}")
    return common


def _of(table: MetricTable, metrics: list[str]) -> NDArray[np.float64]:
    place = {name: number for number, name in enumerate(table.metrics)}
    return table.values[:, [place[name] for name in metrics]]


def _list(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(repr, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")


def _contributions(
    verdicts: Judged, x: NDArray[np.float64], metrics: list[str], usual: NDArray[np.float64]
) -> pl.Series:
    """The greatest shares of each row, as a list of structs."""
    names = pl.Series([*metrics, UNKNOWN], dtype=pl.String)
    unknown = np.isnan(x).sum(axis=1, keepdims=True).astype(np.float64)
    values = np.hstack([x, unknown])
    top = np.argsort(-verdicts.shares, axis=1, kind="stable")[:, :_TOP]
    flat = top.ravel()
    rows = np.repeat(np.arange(len(x)), top.shape[1])
    parts = pl.DataFrame(
        {
            "row": rows,
            "metric": names.gather(flat),
            "share": verdicts.shares[rows, flat],
            "value": pl.Series(values[rows, flat]).fill_nan(None),
            "usual": np.append(usual, 0.0)[flat],
        }
    )
    fields = pl.struct("metric", "share", "value", "usual").alias("contributions")
    return parts.group_by("row", maintain_order=True).agg(fields)["contributions"]
