"""Blocks of five minutes: what the slow looks at machines are made of.

Comparing cards, trends over days and values that stand still need no seconds. The values of the
windows are folded into one row a metric, entity and block, a few frames at a time, so that neither
time nor memory grows with how often was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, cast

import polars as pl

from boxwatch.clock import EPOCH
from boxwatch.events.schema import TIME, Schema

BLOCK: Final = timedelta(minutes=5)

VALUES: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "metric": pl.String(),
    "start": TIME,
    "value": pl.Float64(),
}
BLOCKS: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "metric": pl.String(),
    "start": TIME,
    "total": pl.Float64(),  # sum of the known values
    "known": pl.UInt32(),  # values that were known
    "low": pl.Float64(),
    "high": pl.Float64(),
    "mean": pl.Float64(),  # null where none was known
}
CARD_METRICS: Final = (
    "utilization_ratio",
    "power_draw_watts",
    "power_limit_watts",
    "temperature_celsius",
    "memory_temperature_celsius",
    "fan_speed_ratio",
    "memory_used_bytes",
    "memory_total_bytes",
    "clock_sm_hertz",
    "clock_sm_max_hertz",
    "throttle_hw_thermal_seconds_total",
    "throttle_hw_power_brake_seconds_total",
    "throttle_sw_thermal_seconds_total",
    "throttle_sw_power_cap_seconds_total",
    "ecc_corrected_total",
    "pcie_generation",
    "pcie_width_lanes",
)
HOST_METRICS: Final = (
    "cpu_busy_seconds_total",
    "load1",
    "memory_available_bytes",
    "memory_total_bytes",
    "pressure_cpu_seconds_total",
    "processes_alive",
)
SERVICE_METRICS: Final = ("memory_anonymous_bytes",)
ROOM_METRICS: Final = ("available_bytes", "size_bytes")
METRICS: Final = sorted({*CARD_METRICS, *HOST_METRICS, *ROOM_METRICS, *SERVICE_METRICS})

_MOST_WAITING: Final = 4  # frames that wait to be folded
_BACK: Final = timedelta(hours=1)  # a clock that was set back by more begins anew


class Blocks:
    """Folds the values of windows into blocks. All state is in `save()`."""

    def __init__(self) -> None:
        self._parts = pl.DataFrame(schema=dict(BLOCKS))
        self._waiting: list[pl.DataFrame] = []
        self._closed: datetime | None = None

    def add(self, values: pl.DataFrame) -> pl.DataFrame:
        """The blocks (BLOCKS) that `values` closed, oldest first.

        Args:
            values: VALUES of windows that closed; a block closes with the first window after it.
        """
        if values.is_empty():
            return pl.DataFrame(schema=dict(BLOCKS))
        newest = cast("datetime", values["start"].max())
        if self._closed is not None and newest < self._closed - _BACK:
            self._closed = None
        kept = values.filter(pl.col("metric").is_in(METRICS))
        if self._closed is not None:
            kept = kept.filter(pl.col("start") >= self._closed)
        self._waiting.append(kept.select(list(VALUES)))
        boundary = floor(newest, BLOCK)
        if self._closed is not None and boundary <= self._closed:
            if len(self._waiting) > _MOST_WAITING:
                self._fold()
            return pl.DataFrame(schema=dict(BLOCKS))
        self._closed = boundary
        self._fold()
        whole = self._parts.filter(pl.col("start") < boundary)
        self._parts = self._parts.filter(pl.col("start") >= boundary)
        return whole.sort("start", "host", "entity", "metric")

    def _fold(self) -> None:
        fresh = pl.concat(self._waiting)
        self._waiting = []
        value = pl.col("value")
        parts = fresh.select(
            "host",
            "entity",
            "metric",
            pl.col("start").dt.truncate(BLOCK),
            value.fill_null(0.0).alias("total"),
            value.is_not_null().cast(pl.UInt32).alias("known"),
            value.alias("low"),
            value.alias("high"),
        )
        self._parts = (
            pl.concat([self._parts.drop("mean"), parts])
            .lazy()
            .group_by("host", "entity", "metric", "start", maintain_order=True)
            .agg(pl.col("total", "known").sum(), pl.col("low").min(), pl.col("high").max())
            .with_columns(
                pl.when(pl.col("known") > 0).then(pl.col("total") / pl.col("known")).alias("mean")
            )
            .collect(engine="in-memory")
        )

    def save(self) -> dict[str, object]:
        """All state: a frame, and where the open blocks begin."""
        if self._waiting:
            self._fold()
        closed = None if self._closed is None else self._closed.isoformat()
        return {"parts": self._parts, "closed": closed}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._parts = cast("pl.DataFrame", saved["parts"])
        self._waiting = []
        closed = cast("str | None", saved["closed"])
        self._closed = None if closed is None else datetime.fromisoformat(closed)


def floor(instant: datetime, step: timedelta) -> datetime:
    """`instant`, or the last multiple of `step` since the epoch before it."""
    return EPOCH + (instant - EPOCH) // step * step


def wide(blocks: pl.DataFrame, metrics: tuple[str, ...], prefix: str) -> pl.DataFrame:
    """One row an entity and block, one column of means a metric, always all of `metrics`.

    Of entities whose names begin with `prefix`; parts of them (`gpu:0/mig:1`) are left out.
    """
    mine = pl.col("entity").str.starts_with(prefix) & ~pl.col("entity").str.contains("/mig:")
    return blocks.filter(mine & pl.col("metric").is_in(metrics)).pivot(
        on="metric",
        on_columns=list(metrics),
        index=["host", "entity", "start"],
        values="mean",
        aggregate_function="max",
        maintain_order=True,
    )
