"""Conditions on what a GPU says of itself: heat, power, memory errors, its links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from boxwatch.detections.known.condition import Condition, Parameters

_HW_SLOWDOWN: Final = 0x8
_HW_THERMAL: Final = 0x40
_POWER_BRAKE: Final = 0x80
# What slows clocks and is told: a setting, the power limit, heat, the brake, boosting as one, a
# display (nvmlClocksEventReasons). An idle card has a reason, too.
_TOLD: Final = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | _HW_THERMAL | _POWER_BRAKE | 0x100

WIDE: Final = (
    "temperature_celsius",
    "power_draw_watts",
    "power_limit_watts",
    "clock_sm_hertz",
    "clock_sm_max_hertz",
    "utilization_ratio",
    "throttle_active_bits",
    "throttle_hw_thermal_seconds_total",
    "throttle_hw_power_brake_seconds_total",
    "ecc_corrected_total",
    "ecc_uncorrected_total",
    "remapped_rows_pending",
    "remapped_rows_failure",
    "retired_pages_pending",
    "recovery_action",
    "pcie_generation",
    "pcie_generation_max",
    "pcie_width_lanes",
    "pcie_width_max_lanes",
    "pcie_replay_total",
    "ecc_sram_threshold_exceeded",
    "memory_banks_spares_none",
    "inforom_valid",
    "fabric_unhealthy",
    "fabric_failed",
    "fabric_bandwidth_degraded",
    "fabric_route_unhealthy",
    "fabric_misconfigured",
)
BEFORE: Final = (
    "temperature_celsius",
    "power_limit_watts",
    "clock_sm_max_hertz",
    "throttle_hw_thermal_seconds_total",
    "throttle_hw_power_brake_seconds_total",
    "ecc_corrected_total",
    "ecc_uncorrected_total",
    "pcie_replay_total",
)


def _gpu_silent(_: Parameters) -> Condition:
    """No reading at all: one field that turns unknown is a field, not a card that is gone."""
    now, before = pl.col("temperature_celsius"), pl.col("before:temperature_celsius")
    answers = (
        now.is_not_null()
        | pl.col("power_draw_watts").is_not_null()
        | pl.col("utilization_ratio").is_not_null()
        | pl.col("clock_sm_hertz").is_not_null()
    )
    return Condition(
        metric="temperature_celsius",
        bad=~answers & before.is_not_null(),
        well=answers,
        values=(
            pl.coalesce("why", pl.lit("no row")).alias("why"),
            before.alias("last_temperature"),
        ),
    )


def _share(counter: str) -> pl.Expr:
    """The share of the time since the last reading that a seconds counter grew by."""
    grown = pl.col(counter) - pl.col(f"before:{counter}")
    return pl.when(pl.col("seconds") > 0).then(grown / pl.col("seconds"))


def _slowed(metric: str, bits: pl.Expr, counter: str, parameters: Parameters) -> Condition:
    share = _share(counter) >= float(parameters["least_share"])
    known = pl.col("throttle_active_bits").is_not_null() | share.is_not_null()
    bad = bits.fill_null(value=False) | share.fill_null(value=False)
    return Condition(
        metric=metric,
        bad=bad,
        well=known & ~bad,
        values=(
            pl.col("temperature_celsius").fill_null(float("nan")),
            pl.col("power_draw_watts").fill_null(float("nan")),
            (pl.col("clock_sm_hertz") / 1e6).fill_null(float("nan")).alias("clock_mhz"),
        ),
    )


def _bits(mask: int) -> pl.Expr:
    return (pl.col("throttle_active_bits").cast(pl.Int64, strict=False) & mask) != 0


def _thermal_slowdown(parameters: Parameters) -> Condition:
    hot = _bits(_HW_THERMAL) | (_bits(_HW_SLOWDOWN) & ~_bits(_POWER_BRAKE))
    counter = "throttle_hw_thermal_seconds_total"
    return _slowed("temperature_celsius", hot, counter, parameters)


def _power_brake(parameters: Parameters) -> Condition:
    counter = "throttle_hw_power_brake_seconds_total"
    return _slowed("power_draw_watts", _bits(_POWER_BRAKE), counter, parameters)


def _limit_lowered(parameters: Parameters) -> Condition:
    """The power limit fell: the reading at which it did is bad, one at which it rose is well."""
    now, before = pl.col("power_limit_watts"), pl.col("before:power_limit_watts")
    return Condition(
        metric="power_limit_watts",
        bad=now < before * (1 - float(parameters["least_fall"])),
        well=now > before,
        values=(before.alias("before"), now.alias("after")),
    )


def _clock_stuck(parameters: Parameters) -> Condition:
    """A low clock while a card is fully at work and the driver names no reason for it.

    A card that rests between requests says nothing of its clock: such readings count for neither.
    """
    clock = pl.col("clock_sm_hertz")
    most = pl.coalesce("clock_sm_max_hertz", "before:clock_sm_max_hertz")
    busy = pl.col("utilization_ratio") >= float(parameters["least_utilization"])
    slow = clock < float(parameters["below"]) * most
    told = _bits(_TOLD)
    return Condition(
        metric="clock_sm_hertz",
        bad=busy & slow & ~told,
        well=busy & (~slow | told),
        values=(
            (clock / 1e6).alias("clock_mhz"),
            (most / 1e6).alias("most_mhz"),
            (pl.col("utilization_ratio") * 100).alias("utilization_pct"),
        ),
    )


def _growth(counter: str) -> pl.Expr:
    """By how much a counter grew; after a reset it grew by what it shows."""
    now, before = pl.col(counter), pl.col(f"before:{counter}")
    return pl.when(now >= before).then(now - before).when(before.is_not_null()).then(now)


def _counter_grew(parameters: Parameters) -> Condition:
    counter = str(parameters["counter"])
    return Condition(
        metric=counter,
        bad=_growth(counter) > 0,
        well=_growth(counter) == 0,
        values=(pl.col(f"before:{counter}").alias("before"), pl.col(counter).alias("after")),
    )


def _counter_fast(parameters: Parameters) -> Condition:
    counter = str(parameters["counter"])
    return Condition(
        metric=counter,
        bad=_growth(counter) > 0,
        well=_growth(counter) == 0,
        values=(pl.col(f"before:{counter}").alias("before"), pl.col(counter).alias("after")),
        weight=_growth(counter).fill_null(0.0),
        least=float(parameters["least"]),
        within_seconds=float(parameters["within_seconds"]),
    )


def _flag(metric: str, *others: str) -> Condition:
    flags = [pl.col(name) for name in (metric, *others)]
    bad = pl.any_horizontal(*((flag >= 1).fill_null(value=False) for flag in flags))
    known = pl.any_horizontal(*(flag.is_not_null() for flag in flags))
    return Condition(metric, bad=bad, well=known & ~bad, values=(flags[0],))


def _fabric_unhealthy(_: Parameters) -> Condition:
    """A word of the fabric's own health, or that joining it failed."""
    return _flag(
        "fabric_unhealthy",
        "fabric_failed",
        "fabric_bandwidth_degraded",
        "fabric_route_unhealthy",
        "fabric_misconfigured",
    )


def _inforom_invalid(_: Parameters) -> Condition:
    valid = pl.col("inforom_valid")
    return Condition(metric="inforom_valid", bad=valid < 1, well=valid >= 1, values=(valid,))


def _pcie_degraded(parameters: Parameters) -> Condition:
    gen, gen_max = pl.col("pcie_generation"), pl.col("pcie_generation_max")
    width, width_max = pl.col("pcie_width_lanes"), pl.col("pcie_width_max_lanes")
    busy = pl.col("utilization_ratio") >= float(parameters["least_utilization"])
    slow = (gen < gen_max).fill_null(value=False) | (width < width_max).fill_null(value=False)
    known = (gen.is_not_null() & gen_max.is_not_null()) | (
        width.is_not_null() & width_max.is_not_null()
    )
    numbers = [number.fill_null(float("nan")) for number in (gen, gen_max, width, width_max)]
    return Condition(
        metric="pcie_generation",
        bad=slow & busy,
        well=known & ~slow,
        values=(*numbers, (pl.col("utilization_ratio") * 100).alias("utilization_pct")),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Parameters], Condition]]]] = {
    "clock_stuck": ("gpu", _clock_stuck),
    "counter_fast": ("gpu", _counter_fast),
    "counter_grew": ("gpu", _counter_grew),
    "fabric_unhealthy": ("gpu", _fabric_unhealthy),
    "gpu_silent": ("gpu", _gpu_silent),
    "inforom_invalid": ("gpu", _inforom_invalid),
    "limit_lowered": ("gpu", _limit_lowered),
    "pcie_degraded": ("gpu", _pcie_degraded),
    "power_brake": ("gpu", _power_brake),
    "recovery_needed": ("gpu", lambda _: _flag("recovery_action")),
    "remap_failed": ("gpu", lambda _: _flag("remapped_rows_failure")),
    "remap_pending": (
        "gpu",
        lambda _: _flag("remapped_rows_pending", "retired_pages_pending"),
    ),
    "spares_used_up": ("gpu", lambda _: _flag("memory_banks_spares_none")),
    "sram_worn": ("gpu", lambda _: _flag("ecc_sram_threshold_exceeded")),
    "thermal_slowdown": ("gpu", _thermal_slowdown),
}
