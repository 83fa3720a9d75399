"""Strange sessions of HDFS, judged by a threshold that comes from the training part alone.

Sessions are split by the time they start. "Clean" training leaves out those that failed,
"unlabelled" keeps them. What is measured is `boxwatch logs score`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.result import BenchOptions, Figure, at_least, measured
from boxwatch.wiring import LogColumns, score_logs

CLEAN: Final = 0.9
UNLABELLED: Final = 0.8

_CUTS: Final = ((0.3, True), (0.5, True), (0.7, True), (0.3, False), (0.5, False))


def session_scores(options: BenchOptions, sets: DataSets) -> list[Figure]:
    """F1 at each cut, with its precision and recall; beside it, that of new templates alone."""
    lines, sessions = sets.sessions
    figures = []
    for number, (cut, clean) in enumerate(_CUTS):
        options.progress("strange sessions", number, len(_CUTS))
        figures += _at(options, lines, sessions, cut, clean=clean)
    return figures


def _at(
    options: BenchOptions, lines: pl.DataFrame, sessions: pl.DataFrame, cut: float, *, clean: bool
) -> list[Figure]:
    first = int(sessions.height * cut)
    train, test = sessions.head(first), sessions.slice(first)
    if clean:
        train = train.filter(~pl.col("failed"))
    paths = [options.folder / name for name in ("train.parquet", "test.parquet", "scores.parquet")]
    for path, chosen in zip(paths, (train, test), strict=False):
        lines.join(chosen, on="session", how="semi", maintain_order="left").write_parquet(path)
    score_logs(paths[0], paths[1], LogColumns(session="session"), paths[2])
    judged = pl.read_parquet(paths[2]).join(test, on="session")
    new = pl.col("reasons").list.eval(pl.element().str.contains("never seen before")).list.any()
    precision, recall, f1 = f1_of(judged["alarm"], judged["failed"])
    trivial = f1_of(judged.select(new.fill_null(value=False)).to_series(), judged["failed"])[2]
    what = f"HDFS sessions, {'clean' if clean else 'unlabelled'} {cut:.0%}"
    target = CLEAN if clean else UNLABELLED
    everything = f1_of(pl.repeat(True, judged.height, eager=True), judged["failed"])[2]
    return [
        at_least(f"{what}, F1", f1, "F1", target, ("new templates alone", trivial)),
        measured(f"{what}, precision", precision, "share"),
        measured(f"{what}, recall", recall, "share"),
        measured(f"{what}, F1 if all were alarms", everything, "F1"),
    ]


def f1_of(alarm: pl.Series, failed: pl.Series) -> tuple[float, float, float]:
    """Precision, recall and F1 of `alarm`; 0 where there is nothing to divide."""
    right = int((alarm & failed).sum())
    alarms, failures = int(alarm.sum()), int(failed.sum())
    return (
        right / alarms if alarms else 0.0,
        right / failures if failures else 0.0,
        2 * right / (alarms + failures) if alarms + failures else 0.0,
    )
