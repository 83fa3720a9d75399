"""The `gpu` view: one card over five seconds."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.features.view import Direction, Feature, View

_HIGH, _CONTEXT = Direction.HIGH, Direction.CONTEXT

GPU: Final = View(
    "gpu",
    5,
    (
        Feature("utilization", "ratio", _CONTEXT, 0.35, 0.05, "share of time a kernel ran"),
        Feature("power", "ratio", _CONTEXT, 0.3, 0.03, "power drawn, of the limit"),
        Feature("power_slow", "ratio", _CONTEXT, 0.25, 0.03, "power over the last minutes"),
        Feature("temperature", "celsius", _HIGH, 8.0, 3.0, "core temperature"),
        Feature("memory_temperature", "celsius", _HIGH, 8.0, 3.0, "memory temperature"),
        Feature("fan", "ratio", _CONTEXT, 0.15, 0.05, "fan speed"),
        Feature("memory_used", "ratio", _CONTEXT, 0.3, 0.02, "device memory in use"),
        Feature("memory_climb", "ratio", _HIGH, 0.01, 0.008, "memory growth without a pause"),
        Feature("clock_drop", "ratio", _HIGH, 0.12, 0.04, "clock below its maximum, under load"),
        Feature("idle_power_at_load", "ratio", _HIGH, 0.15, 0.05, "busy, but drawing no power"),
        Feature("throttle", "ratio", _HIGH, 0.02, 0.01, "share of time slowed by heat or brake"),
        Feature("power_cap", "ratio", _CONTEXT, 0.3, 0.05, "share of time at the power limit"),
        Feature("ecc_corrected_rate", "log", _HIGH, 0.5, 0.4, "corrected memory errors a minute"),
        Feature("pcie_loss", "ratio", _HIGH, 0.05, 0.03, "PCIe bandwidth missing, under load"),
        Feature("unreadable", "ratio", _HIGH, 0.05, 0.05, "readings that turned unknown"),
    ),
)

BY_THE_MINUTE: Final = ["ecc_corrected_rate"]

METRICS: Final = [
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
    "pcie_generation_max",
    "pcie_width_lanes",
    "pcie_width_max_lanes",
]

_BUSY = 0.5  # utilisation from which clocks and link can be judged: idle cards lower both


def features(wide: pl.DataFrame) -> pl.DataFrame:
    """The features that follow from one window's metrics alone (`wide`: one column a metric)."""
    busy = pl.col("utilization_ratio") >= _BUSY
    power = pl.col("power_draw_watts") / pl.col("power_limit_watts")
    link = pl.lit(2.0).pow(pl.col("pcie_generation")) * (pl.col("pcie_width_lanes"))
    most = pl.lit(2.0).pow(pl.col("pcie_generation_max")) * pl.col("pcie_width_max_lanes")
    slowed = pl.sum_horizontal(
        "throttle_hw_thermal_seconds_total",
        "throttle_hw_power_brake_seconds_total",
        "throttle_sw_thermal_seconds_total",
    )
    return wide.with_columns(
        pl.col("utilization_ratio").alias("utilization"),
        power.alias("power"),
        pl.col("temperature_celsius").alias("temperature"),
        pl.col("memory_temperature_celsius").alias("memory_temperature"),
        pl.col("fan_speed_ratio").alias("fan"),
        (pl.col("memory_used_bytes") / pl.col("memory_total_bytes")).alias("memory_used"),
        pl.when(busy)
        .then((1 - pl.col("clock_sm_hertz") / pl.col("clock_sm_max_hertz")).clip(0.0))
        .alias("clock_drop"),
        pl.when(busy)
        .then((pl.col("utilization_ratio") - power).clip(0.0))
        .alias("idle_power_at_load"),
        slowed.clip(0.0, 1.0).alias("throttle"),
        pl.col("throttle_sw_power_cap_seconds_total").clip(0.0, 1.0).alias("power_cap"),
        (pl.col("ecc_corrected_total") * 60).log1p().alias("ecc_corrected_rate"),
        pl.when(busy).then((1 - link / most).clip(0.0)).alias("pcie_loss"),
    )
