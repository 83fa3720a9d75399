"""From samples to wide frames: one row per reading of one entity, with the value before.

State between batches: the last known values of each entity, and a half hour of each file system's
room, one value a minute.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from boxwatch.detections.known.conditions import BEFORE, WIDE
from boxwatch.events.schema import TIME

KEY: Final = ["host", "entity"]
# Planning a query costs more than running it on the few rows of one second.
PLAIN: Final = pl.QueryOptFlags.none()
MINUTE_US: Final = 60_000_000
_LINE: Final = "source:ssh"  # the line to a host: what it says is about the host itself
_FORGET: Final = timedelta(days=1)  # an entity without a reading for so long is not there any more
_LEAST_POINTS: Final = 10  # minutes of steady shrinking before a forecast is made
_MOST_POINTS: Final = 30
_LEAST_FIT: Final = 0.9  # share of the variance that a straight line must explain


def _schema(kind: str) -> dict[str, pl.DataType]:
    columns: dict[str, pl.DataType] = {"host": pl.String(), "entity": pl.String(), "time": TIME}
    columns |= dict.fromkeys(WIDE[kind], pl.Float64())
    columns["why"] = pl.String()
    if kind == "host":
        columns["clock_offset"] = pl.Float64()
    return columns


class Readings:
    """Turns the samples of a batch into one wide frame per kind. Rows keep their order."""

    def __init__(self) -> None:
        self._last: dict[str, pl.DataFrame] = {
            kind: pl.DataFrame(schema=_schema(kind)) for kind in WIDE
        }
        self._room: dict[tuple[str, str], list[tuple[int, float]]] = {}

    def add(self, samples: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """The wide frames of the kinds that have rows; `fs-trend` has a row a minute.

        `ssh` is what the lines to other hosts say, about the entity `host`.
        """
        frames: dict[str, pl.DataFrame] = {}
        for kind, metrics in WIDE.items():
            mine = samples.filter(pl.col("metric").is_in(list(metrics)))
            if mine.is_empty():
                continue
            rows = _widen(mine, kind)
            if kind == "gpu":
                rows = self._with_absent(rows)
            frames[kind] = self._with_before(rows, kind)
        if "fs" in frames:
            frames["fs-trend"] = self._trend(frames["fs"])
        if "source" in frames:
            lines = pl.col("entity") == _LINE
            frames["ssh"] = frames["source"].filter(lines).with_columns(entity=pl.lit("host"))
            frames["source"] = frames["source"].filter(~lines)
        return {kind: frame for kind, frame in frames.items() if frame.height}

    def _with_absent(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of nulls for GPUs that are known but missing from their host's reading."""
        known = pl.concat([self._last["gpu"].select(KEY), rows.select(KEY)]).lazy().unique()
        instants = rows.lazy().select("host", "time").unique(maintain_order=True)
        expected = instants.join(known, on="host", maintain_order="left").collect(
            optimizations=PLAIN
        )
        if expected.height == rows.height:
            return rows
        absent = expected.join(rows, on=["host", "entity", "time"], how="anti").with_columns(
            pl.lit("it is missing from the reading").alias("why")
        )
        both = pl.concat([rows, absent], how="diagonal").select(rows.columns)
        order = instants.with_row_index("instant").collect(optimizations=PLAIN)
        return (
            both.join(order, on=["host", "time"], maintain_order="left")
            .sort("instant", maintain_order=True)
            .drop("instant")
        )

    def _with_before(self, rows: pl.DataFrame, kind: str) -> pl.DataFrame:
        """`rows` with the values before them; one grouping serves every column."""
        names, carried = BEFORE[kind], self._last[kind].height
        filled = {name: pl.col(name).forward_fill() for name in names}
        grouped = (
            pl.concat([self._last[kind], rows])
            .with_row_index("row")
            .lazy()
            .group_by(KEY, maintain_order=True)
            .agg(
                pl.all(),
                (pl.col("time").diff().dt.total_microseconds() / 1e6).alias("seconds"),
                *(known.shift(1).alias(f"before:{name}") for name, known in filled.items()),
                *(known.last().alias(f"last:{name}") for name, known in filled.items()),
            )
            .collect(optimizations=PLAIN)
        )
        schema = _schema(kind)
        lists = [name for name in schema if name not in KEY]
        newest = [
            pl.col(f"last:{name}").alias(name) if name in filled else pl.col(name).list.last()
            for name in lists
        ]
        last = grouped.select(*KEY, *newest).select(list(schema))
        self._last[kind] = last.filter(pl.col("time") > pl.col("time").max() - _FORGET)
        told = grouped.drop(f"last:{name}" for name in names)
        return (
            told.explode([name for name in told.columns if name not in KEY])
            .filter(pl.col("row") >= carried)
            .sort("row")
        )

    def _trend(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One row a minute per file system: seconds until full if it goes on shrinking so."""
        minutes = (
            rows.filter(pl.col("available_bytes").is_not_null())
            .with_columns(pl.col("time").dt.truncate("1m").alias("minute"))
            .group_by([*KEY, "minute"], maintain_order=True)
            .first()
            .select(*KEY, "time", "available_bytes", pl.col("time").dt.timestamp("us").alias("us"))
        )
        kept, full_in = [], []
        for row, (host, entity, _, room, instant) in enumerate(minutes.iter_rows()):
            history = self._room.setdefault((host, entity), [])
            if history and history[-1][0] // MINUTE_US == instant // MINUTE_US:
                continue  # this minute is known already
            history.append((instant, room))
            del history[:-_MOST_POINTS]
            kept.append(row)
            full_in.append(_full_in(history))
        return minutes[kept].with_columns(pl.Series("full_in_seconds", full_in, dtype=pl.Float64))

    def save(self) -> dict[str, object]:
        """The last values and the room of the last half hour, JSON-able."""
        return {
            "last": {
                kind: frame.with_columns(pl.col("time").dt.timestamp("us")).to_dicts()
                for kind, frame in self._last.items()
            },
            "room": [[*key, history] for key, history in self._room.items()],
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from what `save` described."""
        fresh = json.loads(json.dumps(dict(state)))
        for kind, rows in fresh["last"].items():
            schema = _schema(kind) | {"time": pl.Int64()}
            frame = pl.DataFrame(rows, schema=schema, infer_schema_length=None)
            self._last[kind] = frame.with_columns(pl.col("time").cast(TIME))
        self._room = {
            (host, entity): [(int(t), float(v)) for t, v in history]
            for host, entity, history in fresh["room"]
        }


def _widen(samples: pl.DataFrame, kind: str) -> pl.DataFrame:
    """One row per (host, entity, time), in the order in which they came."""
    wide = samples.pivot(
        on="metric",
        on_columns=list(WIDE[kind]),
        index=[*KEY, "time"],
        values="value",
        aggregate_function="last",
        maintain_order=True,
    )
    main = pl.col("metric") == WIDE[kind][0]
    reasons = samples.filter(main & pl.col("reason").is_not_null())
    if reasons.is_empty():
        wide = wide.with_columns(pl.lit(None, pl.String).alias("why"))
    else:
        whys = reasons.select(*KEY, "time", pl.col("reason").alias("why"))
        whys = whys.unique([*KEY, "time"], keep="last")
        wide = wide.join(whys, on=[*KEY, "time"], how="left", maintain_order="left")
    if kind == "host":
        seconds = pl.col("time").dt.timestamp("us") / 1e6
        wide = wide.with_columns(
            (seconds - pl.col("clock_monotonic_seconds")).alias("clock_offset")
        )
    return wide.select(list(_schema(kind)))


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float
    fit: float


def _fit(history: list[tuple[int, float]]) -> _Line:
    points = np.asarray(history, dtype=np.float64)
    x, y = (points[:, 0] - points[0, 0]) / 1e6, points[:, 1]
    x_off, y_off = x - x.mean(), y - y.mean()
    spread = float((y_off**2).sum())
    if spread == 0.0:
        return _Line(0.0, 0.0)
    slope = float((x_off * y_off).sum() / (x_off**2).sum())
    return _Line(slope, slope * float((x_off * y_off).sum()) / spread)


def _full_in(history: list[tuple[int, float]]) -> float | None:
    """Seconds until there is no room, by a straight line; null where it does not shrink so."""
    if len(history) < _LEAST_POINTS or history[-1][1] <= 0:
        return None
    line = _fit(history[-_LEAST_POINTS:])
    if line.slope >= 0 or line.fit < _LEAST_FIT:
        return None
    return history[-1][1] / -line.slope
