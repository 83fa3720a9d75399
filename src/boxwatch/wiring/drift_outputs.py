"""Drift of what the models say: their scores, the rate of their alarms, and what people made of it.

Besides, of log lines: which share of them is of kinds that were not there while the models learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from boxwatch.detections import Detection, Kind, ViewModel
from boxwatch.errors import BoxwatchError, StoreError
from boxwatch.events.schema import TIME
from boxwatch.features import VIEWS
from boxwatch.incidents import Incident, Opinion
from boxwatch.lifecycle import LEAST_ROWS, Profile, compare
from boxwatch.lifecycle.drift import Precision, qualities, rate_ratio, ratio_of_stretches
from boxwatch.pulse import Progress
from boxwatch.store import Layout, Run, load_rows
from boxwatch.wiring.injected import p_values
from boxwatch.wiring.log_selection import LogSelection
from boxwatch.wiring.log_templates import LogPlace, opened_kinds, told

NEW_LINES: Final = "new kinds of line"
RATE_LIMIT: Final = 2.0  # times as many host-hours with an alarm as before
LINES_LIMIT: Final = 0.05  # of the lines
_STRETCHES: Final = 16  # of the compared time, for the interval of a share of lines
_MOST_SCORED: Final = 20_000  # windows: the newest
_HOUR: Final = "1h"


@dataclass(frozen=True, slots=True)
class MovedOutput:
    """One thing besides features: how far it is from what it was, with the bounds of that.

    `what` is `scores VIEW`, `alarm rate` or `new kinds of line`; `usual` is null where the time
    before is too short to tell.
    """

    what: str
    value: float
    at_least: float
    at_most: float
    usual: float | None
    limit: float
    drifted: bool
    help: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What people said of statistical alarms: before the compared time, and within it."""

    before: Precision
    late: Precision
    expected: int
    qualities: tuple[float, ...]


def scores(
    view: str, model: ViewModel, held_out: pl.DataFrame, late: pl.DataFrame
) -> MovedOutput | None:
    """Whether scores of `late` lie elsewhere than those of windows that were not learned from.

    By the Kolmogorov-Smirnov distance of the negative logarithms of the combined p-values; None
    where there are too few windows.
    """
    if min(held_out.height, late.height) < LEAST_ROWS:
        return None
    before, after = (_scored(model, one.tail(_MOST_SCORED)) for one in (held_out, late))
    found = compare(Profile.of(before), after).filter(pl.col("effect") == "distance")
    row = found.row(0, named=True)
    return MovedOutput(
        f"scores {view}",
        row["value"],
        row["low"],
        row["high"],
        row["usual"],
        row["limit"],
        row["drifted"],
        "distance of the distributions of scores, of late and of windows held out from training",
    )


def _scored(model: ViewModel, windows: pl.DataFrame) -> pl.DataFrame:
    """The column `score` of `windows`, in the order of time."""
    parts = []
    ordered = windows.sort("host", "entity", "start")
    for (host, entity), rows in ordered.group_by("host", "entity", maintain_order=True):
        x = rows.select(model.view.columns).to_numpy().astype(np.float64)
        p = p_values(model, x, [f"{host}\0{entity}"] * len(x), len(x))
        parts.append(rows.select("start", pl.Series("score", -np.log10(np.maximum(p, 1e-300)))))
    return pl.concat(parts).sort("start", maintain_order=True).select("score")


def held_out(data: Path, run: Run, view: str) -> pl.DataFrame:
    """The windows of the version's rows that it did not learn from; none where they are gone."""
    try:
        rows = load_rows(Layout(data).models, run.selection["rows"][view])
    except StoreError:
        return pl.DataFrame(schema=dict(VIEWS[view].schema))
    return rows.tail(rows.height - int(rows.height * run.recipe["learned"]))


def alarm_rate(
    incidents: list[Incident], windows: list[pl.DataFrame], start: datetime, end: datetime
) -> MovedOutput | None:
    """How many times as many host-hours have a statistical alarm since `start` as before.

    Hours, since alarms come in bursts; `windows` say which hours were watched. None where there is
    nothing before, or nothing since.
    """
    watched = _hours(pl.concat([one.select("host", "start") for one in windows]))
    watched = watched.filter(pl.col("hour") < end)
    alarms = [(one.host, found.start) for one in incidents for found in _unusual(one)]
    rung = _hours(pl.DataFrame(alarms, schema=[("host", pl.String), ("start", TIME)], orient="row"))
    told = watched.join(rung.with_columns(alarm=True), on=["host", "hour"], how="left")
    late, before = (told.filter(pl.col("hour") >= start), told.filter(pl.col("hour") < start))
    counts = [int(one["alarm"].fill_null(value=False).sum()) for one in (before, late)]
    found = rate_ratio(counts[0], before.height, counts[1], late.height)
    if found is None:
        return None
    return MovedOutput(
        "alarm rate",
        found.value,
        found.low,
        found.high,
        None,
        RATE_LIMIT,
        found.low > RATE_LIMIT,
        f"times as many host-hours with an alarm as before: {counts[1]} of {late.height}, "
        f"{counts[0]} of {before.height} before",
    )


def _hours(rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct hours of each host."""
    return rows.select("host", pl.col("start").dt.truncate(_HOUR).alias("hour")).unique()


def _unusual(incident: Incident) -> list[Detection]:
    return [found for found in incident.detections if found.kind is Kind.UNUSUAL]


def feedback(incidents: list[Incident], since: datetime, start: datetime) -> Feedback:
    """What people said of the alarms that began at `since` or later, split at `start`."""
    alarms = [one for one in incidents if one.start >= since and _unusual(one)]
    judged = [one for one in alarms if one.opinion in (Opinion.REAL, Opinion.FALSE)]
    before, late = (
        [one.opinion is Opinion.REAL for one in judged if (one.start >= start) is is_late]
        for is_late in (False, True)
    )
    return Feedback(
        Precision.of(before),
        Precision.of(late),
        sum(one.opinion is Opinion.EXPECTED for one in alarms),
        tuple(qualities(before, late)),
    )


def new_lines(
    place: LogPlace, learned_until: datetime, start: datetime, end: datetime, progress: Progress
) -> MovedOutput | None:
    """Which share of the lines from `start` to `end` is of kinds not seen until `learned_until`.

    What was usual is the same share of a stretch as long before `learned_until`, held against
    what was before it. None where there are no lines.
    """
    length = end - start
    step = length / _STRETCHES
    usual_from = learned_until - length
    times = [
        LogSelection(until=usual_from),
        LogSelection(since=usual_from, until=learned_until),
        *(
            LogSelection(since=start + step * number, until=start + step * (number + 1))
            for number in range(_STRETCHES)
        ),
    ]
    try:
        with opened_kinds(place, LogSelection()) as kinds:
            texts = kinds.texts(times, told(progress))
            earlier, last, *stretches = map(kinds.templates, texts)
    except BoxwatchError:
        return None
    known = pl.concat([earlier, last])
    parts = np.array([_unseen(one, known) for one in stretches])
    wholes = np.array([int(one["lines"].sum()) for one in stretches])
    found = ratio_of_stretches(parts, wholes)
    if found is None or known.is_empty():
        return None
    lines = int(last["lines"].sum())
    usual = _unseen(last, earlier) / lines if lines > 0 and not earlier.is_empty() else None
    return MovedOutput(
        NEW_LINES,
        found.value,
        found.low,
        found.high,
        usual,
        LINES_LIMIT,
        found.low > max(LINES_LIMIT, 0.0 if usual is None else usual),
        "share of log lines of kinds that their service had not written until the version learned",
    )


def _unseen(lines: pl.DataFrame, known: pl.DataFrame) -> int:
    keys = ["host", "service", "template_id"]
    return int(lines.join(known, on=keys, how="anti", nulls_equal=True)["lines"].sum())
