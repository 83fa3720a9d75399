"""`logs rates`: how much each service writes, or each kind of its lines, and what is usual.

Lines a minute in equal steps over the time that is shown; beside it the last ten minutes, held
against all ten minutes stored before: their median, and what nine of ten of them lie between. Ten
minutes without a line of a service count as none if its host wrote anything at all; before its
first line a service is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from boxwatch.clock import EPOCH
from boxwatch.pulse import Progress
from boxwatch.wiring.log_kinds import SLOT, Kinds, by_service, without_examples
from boxwatch.wiring.log_selection import LogSelection
from boxwatch.wiring.log_templates import LogPlace, opened_kinds, told

DEFAULT: Final = timedelta(hours=6)
_STEPS: Final = [
    timedelta(minutes=minutes)
    for minutes in (1 / 6, 1 / 2, 1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1440, 10080)
]
_MOST_STEPS: Final = 42  # of a line of pictures
_LEAST_HISTORY: Final = 12  # slots of ten minutes from which something is usual
_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class LogRate:
    """How much one service writes, or one kind of its lines. All rates are lines a minute.

    `recent` is of the last ten minutes; `usual` with `low` and `high` is null where too little is
    stored to know, and `state` then says so: usual, more, less, silent, new or unknown.
    """

    host: str
    service: str
    template_id: str | None
    template: str | None
    lines: int
    recent: float
    usual: float | None
    low: float | None
    high: float | None
    state: str
    steps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RatesReport:
    """The rates from `since` to `until` in steps of `step_seconds`, what is unusual first.

    `history_from` is the first line that what is usual rests on.
    """

    since: datetime
    until: datetime
    step_seconds: float
    history_from: datetime | None
    rates: tuple[LogRate, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that is shown: whole steps, of which the last may not be over at `until`."""

    since: datetime
    until: datetime
    step: timedelta

    @property
    def count(self) -> int:
        return math.ceil((self.until - self.since) / self.step)

    @property
    def recent(self) -> datetime:
        return self.until - SLOT


def log_rates(place: LogPlace, of: LogSelection, now: datetime, progress: Progress) -> RatesReport:
    """The rates of `of`: by service, or with a service given by template.

    Without `until`, up to `now` or the newest line, whichever is earlier; without `since`, the six
    hours before.
    """
    with opened_kinds(place, of) as kinds:
        until = of.until
        if until is None:
            newest = kinds.newest(of)
            until = now if newest is None else min(now, newest + timedelta(microseconds=1))
        since = until - DEFAULT if of.since is None else of.since
        span = _span(since, until)
        asked = replace(of, since=span.since, until=span.until)
        history = replace(of, since=None, until=span.recent)
        latest = replace(of, since=span.recent, until=until)
        fold = by_service if of.service is None else without_examples
        fine = span.step < SLOT
        asked_of = [history, latest] if fine else [history, latest, asked]
        counts = kinds.texts(asked_of, told(progress), fold)
        if fine:
            counts.append(fold(kinds.raw(asked, span.step)))
        frames = [_keyed(kinds, frame, of) for frame in counts]
    return _report(span, *frames)


def _span(since: datetime, until: datetime) -> _Span:
    """The time in steps that fit a line, from a multiple of the step on."""
    step = next((one for one in _STEPS if (until - since) / one <= _MOST_STEPS - 1), _STEPS[-1])
    return _Span(EPOCH + (since - EPOCH) // step * step, until, step)


def _keyed(kinds: Kinds, counts: pl.DataFrame, of: LogSelection) -> pl.DataFrame:
    """host, service, template_id, template, slot, first, lines; without a service of all kinds."""
    if of.service is None:
        counts = counts.with_columns(
            pl.lit(None, pl.UInt64).alias("template_id"), pl.lit(None, pl.String).alias("template")
        )
    else:
        counts = kinds.templates(counts)
    key = ["host", "service", "template_id", "template", "slot"]
    return counts.group_by(key).agg(pl.col("lines").sum(), pl.col("first").min())


def _report(
    span: _Span, past: pl.DataFrame, last: pl.DataFrame, shown: pl.DataFrame
) -> RatesReport:
    key = ["host", "service", "template_id", "template"]
    usual = _usual(past.filter(pl.col("slot").is_not_null()))
    recent = last.group_by(key).agg(pl.col("lines").sum().alias("recent"))
    aside = (pl.col("slot") - span.since).dt.total_microseconds()
    place = aside // (span.step // timedelta(microseconds=1))
    steps = shown.group_by(*key, place.alias("step")).agg(pl.col("lines").sum())
    lines = steps.group_by(key).agg(pl.col("lines").sum(), pl.struct("step", "lines").alias("each"))
    join = {"on": key, "how": "full", "coalesce": True, "nulls_equal": True}
    table = lines.join(recent, **join).join(usual, **join)  # type: ignore[arg-type]
    rates = [_rate(span, row) for row in table.iter_rows(named=True)]
    shown_rates = [one for one in rates if one.lines or one.state != "usual"]
    shown_rates.sort(key=_strangeness)
    return RatesReport(
        since=span.since,
        until=span.until,
        step_seconds=span.step.total_seconds(),
        history_from=past["first"].min(),  # type: ignore[arg-type]
        rates=tuple(shown_rates),
    )


def _usual(past: pl.DataFrame) -> pl.DataFrame:
    """usual, low, high (lines in ten minutes) and how many slots they are from, by key."""
    key = ["host", "service", "template_id", "template"]
    watched = past.select("host", "slot").unique().sort("host", "slot")
    watched = watched.with_columns(pl.int_range(pl.len(), 0, -1).over("host").alias("left"))
    counted = past.group_by(*key, "slot").agg(pl.col("lines").sum())
    first = counted.group_by(key).agg(pl.col("slot").min(), pl.col("lines").sort().alias("counts"))
    rows = first.join(watched, on=["host", "slot"], how="left")
    quantiles = [
        [_quantile(counts, slots, share) for share in (0.5, _LOW, _HIGH)]
        for counts, slots in zip(rows["counts"], rows["left"], strict=True)
    ]
    schema = dict.fromkeys(("usual", "low", "high"), pl.Float64)
    table = pl.DataFrame(quantiles, schema=schema, orient="row")
    return pl.concat([rows.select(*key, pl.col("left").alias("slots")), table], how="horizontal")


def _quantile(counts: pl.Series, slots: int, share: float) -> float:
    """Of `slots` counts, of which those that are not zero are given in order."""
    full = np.zeros(slots)
    full[slots - len(counts) :] = counts.to_numpy()
    return float(np.quantile(full, share))


def _rate(span: _Span, row: dict[str, Any]) -> LogRate:
    minutes = SLOT.total_seconds() / 60
    recent = (row["recent"] or 0) / minutes
    known = (row["slots"] or 0) >= _LEAST_HISTORY
    usual, low, high = (row[name] / minutes if known else None for name in ("usual", "low", "high"))
    counts = {one["step"]: one["lines"] for one in row["each"] or ()}
    steps = []
    for number in range(span.count):
        begin = span.since + number * span.step
        length = min(span.step, span.until - begin).total_seconds() / 60
        steps.append(counts.get(number, 0) / max(length, 1 / 60))
    return LogRate(
        host=row["host"],
        service=row["service"],
        template_id=None if row["template_id"] is None else str(row["template_id"]),
        template=row["template"],
        lines=row["lines"] or 0,
        recent=recent,
        usual=usual,
        low=low,
        high=high,
        state=_state(recent, row["slots"], low, high),
        steps=tuple(steps),
    )


def _state(recent: float, slots: int | None, low: float | None, high: float | None) -> str:
    if slots is None:
        return "new"
    if low is None or high is None:
        return "unknown"
    if recent == 0 and low > 0:
        return "silent"
    if recent < low:
        return "less"
    return "more" if recent > high else "usual"


def _strangeness(rate: LogRate) -> tuple[int, float, str]:
    order = ("silent", "new", "more", "less", "unknown", "usual")
    return order.index(rate.state), -rate.recent, rate.service
