"""Conditions on what a machine says of itself: room, memory, its clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from boxwatch.detections.known.condition import Condition, Parameters

WIDE: Final = (
    "memory_available_bytes",
    "memory_total_bytes",
    "clock_monotonic_seconds",
    "clock_offset_seconds",
)
BEFORE: Final = ("clock_monotonic_seconds", "clock_offset")
FILE_SYSTEMS: Final = ("available_bytes", "size_bytes", "inodes", "inodes_free")


def _low(metric: str, part: pl.Expr, whole: pl.Expr, parameters: Parameters) -> Condition:
    share = pl.when(whole > 0).then(part / whole)
    worse = None
    if "worse_below" in parameters:
        worse = share < float(parameters["worse_below"])
    return Condition(
        metric=metric,
        bad=share < float(parameters["below"]),
        well=share > float(parameters["recovered_above"]),
        worse=worse,
        values=((share * 100).alias("free_pct"), (part / 1e9).alias("available_gb")),
    )


def _room_low(parameters: Parameters) -> Condition:
    low = _low("available_bytes", pl.col("available_bytes"), pl.col("size_bytes"), parameters)
    return _with(low, (pl.col("size_bytes") / 1e9).alias("size_gb"))


def _inodes_low(parameters: Parameters) -> Condition:
    return _low("inodes_free", pl.col("inodes_free"), pl.col("inodes"), parameters)


def _memory_low(parameters: Parameters) -> Condition:
    part, whole = pl.col("memory_available_bytes"), pl.col("memory_total_bytes")
    return _with(
        _low("memory_available_bytes", part, whole, parameters), (whole / 1e9).alias("total_gb")
    )


def _with(condition: Condition, value: pl.Expr) -> Condition:
    return Condition(
        condition.metric,
        condition.bad,
        condition.well,
        (*condition.values, value),
        condition.worse,
    )


def _filling(parameters: Parameters) -> Condition:
    full_in = pl.col("full_in_seconds")  # null while it does not shrink steadily
    return Condition(
        metric="available_bytes",
        bad=full_in < float(parameters["within_hours"]) * 3600,
        well=(full_in > float(parameters["recovered_hours"]) * 3600).fill_null(value=True),
        values=(
            (pl.col("available_bytes") / 1e9).alias("available_gb"),
            (full_in / 60).alias("minutes"),
            (pl.col("available_bytes") / full_in * 3600 / 1e9).alias("gb_per_hour"),
        ),
    )


def _clock_jump(parameters: Parameters) -> Condition:
    passed = pl.col("clock_monotonic_seconds") - pl.col("before:clock_monotonic_seconds")
    moved = pl.col("clock_offset") - pl.col("before:clock_offset")
    jump = pl.when(passed >= 0).then(moved)  # the monotonic clock falls only at a boot
    far = jump.abs() > float(parameters["seconds"])
    return Condition(
        metric="clock_monotonic_seconds", bad=far, well=~far, values=(jump.alias("jump"),)
    )


def _clock_off(parameters: Parameters) -> Condition:
    offset = pl.col("clock_offset_seconds")
    off = offset.abs() > float(parameters["seconds"])
    return Condition(
        metric="clock_offset_seconds",
        bad=off,
        well=offset.abs() < float(parameters["recovered_below"]),
        values=(
            offset.abs().alias("seconds"),
            pl.when(offset > 0).then(pl.lit("ahead of")).otherwise(pl.lit("behind")).alias("way"),
        ),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Parameters], Condition]]]] = {
    "clock_jump": ("host", _clock_jump),
    "clock_off": ("host", _clock_off),
    "filling": ("fs-trend", _filling),
    "inodes_low": ("fs", _inodes_low),
    "memory_low": ("host", _memory_low),
    "room_low": ("fs", _room_low),
}
