"""The geometry of one small curve: points to a path, gaps where the value is unknown.

Drawing is the template's work; here are only numbers, in the coordinates of its view box.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from boxwatch.clock import from_micros, to_micros
from boxwatch.events.metrics import METRICS
from boxwatch.reports.words import SUMS, metric_title, number, unit_of

WIDTH: Final = 360
HEIGHT: Final = 96
LEFT: Final = 4
TOP: Final = 6
_BUCKETS: Final = 180  # columns a curve is drawn in: about one for two pixels
Band = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """One curve. `paths` are SVG path data; `unknown` the spans without a value (x, width)."""

    entity: str
    metric: str
    title: str
    unit: str
    paths: tuple[str, ...]
    unknown: tuple[Band, ...]
    band: Band
    low: str
    high: str
    first: str
    last: str
    table: tuple[tuple[str, str], ...]  # what the curve says, in words: before, during, after

    @property
    def spoken(self) -> str:
        """The curve in one sentence, for those who cannot see it."""
        said = ", ".join(f"{when} {value}" for when, value in self.table)
        return f"{self.title} of {self.entity}: {said}."


def draw(entity: str, metric: str, samples: pl.DataFrame, start: datetime, end: datetime) -> Chart:
    """The curve of `samples` (rows of one entity and metric), `start` to `end` shaded."""
    unit, factor = unit_of(metric)
    points = _points(samples, metric, factor)
    begin, until = to_micros(start), to_micros(end)
    span = _span(points, begin, until)
    known = points["value"].drop_nulls()
    low, high = _bounds(known)
    paths, unknown = _paths(_thinned(points, span), span, (low, high))
    return Chart(
        entity=entity,
        metric=metric,
        title=metric_title(metric),
        unit=unit,
        paths=paths,
        unknown=unknown,
        band=_x_band(begin, until, span),
        low=number(low) if known.len() else "",
        high=number(high) if known.len() else "",
        first=from_micros(span[0]).strftime("%H:%M"),
        last=from_micros(span[1]).strftime("%H:%M UTC"),
        table=_table(points, begin, until, unit),
    )


def _points(samples: pl.DataFrame, metric: str, factor: float) -> pl.DataFrame:
    ordered = samples.sort("time").select(
        pl.col("time").dt.timestamp("us").alias("us"), pl.col("value").fill_nan(None)
    )
    known = METRICS.get(metric)
    if known is not None and known.counter and metric not in SUMS:
        grown, passed = pl.col("value").diff(), pl.col("us").diff() / 1e6
        rate = pl.when((grown >= 0) & (passed > 0)).then(grown / passed)
        ordered = ordered.with_columns(rate.alias("value")).slice(1)
    return ordered.with_columns(pl.col("value") * factor)


def _span(points: pl.DataFrame, begin: int, until: int) -> tuple[int, int]:
    if points.is_empty():
        return begin, max(until, begin + 1)
    first, last = points["us"][0], points["us"][-1]
    return min(first, begin), max(last, until, min(first, begin) + 1)


def _bounds(known: pl.Series) -> tuple[float, float]:
    if known.is_empty():
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]
    return low, high


def _thinned(points: pl.DataFrame, span: tuple[int, int]) -> pl.DataFrame:
    """Lowest and highest of each column, in time order: a spike of one second stays visible."""
    if points.height <= 2 * _BUCKETS:
        return points
    width = max(1, (span[1] - span[0]) // _BUCKETS)
    bucketed = points.with_columns(((pl.col("us") - span[0]) // width).alias("bucket"))
    lowest, highest = pl.col("value").arg_min(), pl.col("value").arg_max()
    kept = bucketed.group_by("bucket", maintain_order=True).agg(
        pl.concat_list(
            pl.struct("us", "value").get(pl.min_horizontal(lowest, highest).fill_null(0)),
            pl.struct("us", "value").get(pl.max_horizontal(lowest, highest).fill_null(0)),
        ).alias("pair")
    )
    return kept.select(pl.col("pair").explode().explode().struct.unnest())


def _paths(
    points: pl.DataFrame, span: tuple[int, int], bounds: tuple[float, float]
) -> tuple[tuple[str, ...], tuple[Band, ...]]:
    low, high = bounds
    reach = high - low if high > low else 1.0
    middle = 0.5 if high == low else 0.0
    paths: list[str] = []
    unknown: list[Band] = []
    now: list[str] = []
    gap: float | None = None
    for us, value in points.iter_rows():
        x = _x(us, span)
        if value is None:
            gap = x if gap is None else gap
            if now:
                paths.append(_path(now))
                now = []
            continue
        if gap is not None:
            unknown.append((round(gap, 1), round(max(1.0, x - gap), 1)))
            gap = None
        y = TOP + (HEIGHT - 2 * TOP) * (1 - ((value - low) / reach + middle))
        now.append(f"{x:.1f} {y:.1f}")
    if now:
        paths.append(_path(now))
    if gap is not None:
        unknown.append((round(gap, 1), round(max(1.0, WIDTH - LEFT - gap), 1)))
    return tuple(paths), tuple(unknown)


def _path(points: list[str]) -> str:
    return f"M{points[0]}h0.1" if len(points) == 1 else "M" + "L".join(points)


def _x(us: int, span: tuple[int, int]) -> float:
    return LEFT + (WIDTH - 2 * LEFT) * (us - span[0]) / (span[1] - span[0])


def _x_band(begin: int, until: int, span: tuple[int, int]) -> Band:
    left = _x(begin, span)
    return round(left, 1), round(max(2.0, _x(until, span) - left), 1)


def _table(points: pl.DataFrame, begin: int, until: int, unit: str) -> tuple[tuple[str, str], ...]:
    parts = {
        "before": points.filter(pl.col("us") < begin),
        "during": points.filter(pl.col("us").is_between(begin, until)),
        "after": points.filter(pl.col("us") > until),
    }
    rows = []
    for name, part in parts.items():
        if part.is_empty():
            continue
        known = part["value"].drop_nulls()
        if known.is_empty():
            rows.append((name, "unknown"))
            continue
        low, high = _bounds(known)
        middle = float(known.median())  # type: ignore[arg-type]
        span = f"{number(middle)} {unit}".strip()
        reach = "" if low == high else f" (from {number(low)} to {number(high)})"
        rows.append((name, span + reach))
    return tuple(rows)
