"""What rules on readings look for: the visible table from a condition's name to its expressions.

A condition works on wide frames: one row per reading of one entity, one column per metric, plus
`before:<metric>` (the last known value before it), `seconds` (time since the row before), `why`
(why the temperature is unknown) and `clock_offset` (wall clock minus monotonic clock, seconds).
What it says of each row: `Condition`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from boxwatch.detections.known import service_conditions
from boxwatch.detections.known.condition import Condition, Parameters

_HW_SLOWDOWN: Final = 0x8
_HW_THERMAL: Final = 0x40
_POWER_BRAKE: Final = 0x80


def _col(name: str) -> pl.Expr:
    return pl.col(name)


def _number(parameters: Parameters, key: str) -> float:
    return float(parameters[key])


def _gpu_silent(_: Parameters) -> Condition:
    """No reading at all: one field that turns unknown is a field, not a card that is gone."""
    now, before = _col("temperature_celsius"), _col("before:temperature_celsius")
    answers = (
        now.is_not_null()
        | _col("power_draw_watts").is_not_null()
        | _col("utilization_ratio").is_not_null()
        | _col("clock_sm_hertz").is_not_null()
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
    grown = _col(counter) - _col(f"before:{counter}")
    return pl.when(_col("seconds") > 0).then(grown / _col("seconds"))


def _slowed(metric: str, bits: pl.Expr, counter: str, parameters: Parameters) -> Condition:
    share = _share(counter) >= _number(parameters, "least_share")
    known = _col("throttle_active_bits").is_not_null() | share.is_not_null()
    bad = bits.fill_null(value=False) | share.fill_null(value=False)
    return Condition(
        metric=metric,
        bad=bad,
        well=known & ~bad,
        values=(
            _col("temperature_celsius").fill_null(float("nan")),
            _col("power_draw_watts").fill_null(float("nan")),
            (_col("clock_sm_hertz") / 1e6).fill_null(float("nan")).alias("clock_mhz"),
        ),
    )


def _bits(mask: int) -> pl.Expr:
    return (_col("throttle_active_bits").cast(pl.Int64, strict=False) & mask) != 0


def _thermal_slowdown(parameters: Parameters) -> Condition:
    hot = _bits(_HW_THERMAL) | (_bits(_HW_SLOWDOWN) & ~_bits(_POWER_BRAKE))
    counter = "throttle_hw_thermal_seconds_total"
    return _slowed("temperature_celsius", hot, counter, parameters)


def _power_brake(parameters: Parameters) -> Condition:
    counter = "throttle_hw_power_brake_seconds_total"
    return _slowed("power_draw_watts", _bits(_POWER_BRAKE), counter, parameters)


def _growth(counter: str) -> pl.Expr:
    """By how much a counter grew; after a reset it grew by what it shows."""
    now, before = _col(counter), _col(f"before:{counter}")
    return pl.when(now >= before).then(now - before).when(before.is_not_null()).then(now)


def _counter_grew(parameters: Parameters) -> Condition:
    counter = str(parameters["counter"])
    return Condition(
        metric=counter,
        bad=_growth(counter) > 0,
        well=_growth(counter) == 0,
        values=(_col(f"before:{counter}").alias("before"), _col(counter).alias("after")),
    )


def _counter_fast(parameters: Parameters) -> Condition:
    counter = str(parameters["counter"])
    return Condition(
        metric=counter,
        bad=_growth(counter) > 0,
        well=_growth(counter) == 0,
        values=(_col(f"before:{counter}").alias("before"), _col(counter).alias("after")),
        weight=_growth(counter).fill_null(0.0),
        least=_number(parameters, "least"),
        within_seconds=_number(parameters, "within_seconds"),
    )


def _flag(metric: str, *others: str) -> Condition:
    flags = [_col(name) for name in (metric, *others)]
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
    valid = _col("inforom_valid")
    return Condition(metric="inforom_valid", bad=valid < 1, well=valid >= 1, values=(valid,))


def _pcie_degraded(parameters: Parameters) -> Condition:
    gen, gen_max = _col("pcie_generation"), _col("pcie_generation_max")
    width, width_max = _col("pcie_width_lanes"), _col("pcie_width_max_lanes")
    busy = _col("utilization_ratio") >= _number(parameters, "least_utilization")
    slow = (gen < gen_max).fill_null(value=False) | (width < width_max).fill_null(value=False)
    known = (gen.is_not_null() & gen_max.is_not_null()) | (
        width.is_not_null() & width_max.is_not_null()
    )
    numbers = [number.fill_null(float("nan")) for number in (gen, gen_max, width, width_max)]
    return Condition(
        metric="pcie_generation",
        bad=slow & busy,
        well=known & ~slow,
        values=(*numbers, (_col("utilization_ratio") * 100).alias("utilization_pct")),
    )


def _low(metric: str, part: pl.Expr, whole: pl.Expr, parameters: Parameters) -> Condition:
    share = pl.when(whole > 0).then(part / whole)
    worse = None
    if "worse_below" in parameters:
        worse = share < _number(parameters, "worse_below")
    return Condition(
        metric=metric,
        bad=share < _number(parameters, "below"),
        well=share > _number(parameters, "recovered_above"),
        worse=worse,
        values=((share * 100).alias("free_pct"), (part / 1e9).alias("available_gb")),
    )


def _room_low(parameters: Parameters) -> Condition:
    low = _low("available_bytes", _col("available_bytes"), _col("size_bytes"), parameters)
    return _with(low, (_col("size_bytes") / 1e9).alias("size_gb"))


def _inodes_low(parameters: Parameters) -> Condition:
    return _low("inodes_free", _col("inodes_free"), _col("inodes"), parameters)


def _memory_low(parameters: Parameters) -> Condition:
    part, whole = _col("memory_available_bytes"), _col("memory_total_bytes")
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
    full_in = _col("full_in_seconds")  # null while it does not shrink steadily
    return Condition(
        metric="available_bytes",
        bad=full_in < _number(parameters, "within_hours") * 3600,
        well=(full_in > _number(parameters, "recovered_hours") * 3600).fill_null(value=True),
        values=(
            (_col("available_bytes") / 1e9).alias("available_gb"),
            (full_in / 60).alias("minutes"),
            (_col("available_bytes") / full_in * 3600 / 1e9).alias("gb_per_hour"),
        ),
    )


def _clock_jump(parameters: Parameters) -> Condition:
    passed = _col("clock_monotonic_seconds") - _col("before:clock_monotonic_seconds")
    moved = _col("clock_offset") - _col("before:clock_offset")
    jump = pl.when(passed >= 0).then(moved)  # the monotonic clock falls only at a boot
    far = jump.abs() > _number(parameters, "seconds")
    return Condition(
        metric="clock_monotonic_seconds", bad=far, well=~far, values=(jump.alias("jump"),)
    )


def _clock_off(parameters: Parameters) -> Condition:
    offset = _col("clock_offset_seconds")
    off = offset.abs() > _number(parameters, "seconds")
    return Condition(
        metric="clock_offset_seconds",
        bad=off,
        well=offset.abs() < _number(parameters, "recovered_below"),
        values=(
            offset.abs().alias("seconds"),
            pl.when(offset > 0).then(pl.lit("ahead of")).otherwise(pl.lit("behind")).alias("way"),
        ),
    )


def _source_down(parameters: Parameters) -> Condition:
    """A source that fails or hangs: `only` that one, or any but those of `but` (comma between)."""
    up = _col("up")
    entities = [f"source:{name}" for name in str(parameters.get("but", "")).split(",")]
    mine = ~_col("entity").is_in(entities)
    if "only" in parameters:
        mine = _col("entity") == f"source:{parameters['only']}"
    return Condition(
        metric="up",
        bad=mine & (up == 0).fill_null(value=False),
        well=(up != 0).fill_null(value=True),
        values=(_col("time").dt.strftime("%H:%M:%S UTC").alias("since"),),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Parameters], Condition]]]] = {
    "clock_jump": ("host", _clock_jump),
    "clock_off": ("host", _clock_off),
    "counter_fast": ("gpu", _counter_fast),
    "counter_grew": ("gpu", _counter_grew),
    "fabric_unhealthy": ("gpu", _fabric_unhealthy),
    "filling": ("fs-trend", _filling),
    "gpu_silent": ("gpu", _gpu_silent),
    "host_unreachable": ("ssh", _source_down),
    "inforom_invalid": ("gpu", _inforom_invalid),
    "inodes_low": ("fs", _inodes_low),
    "memory_low": ("host", _memory_low),
    "pcie_degraded": ("gpu", _pcie_degraded),
    "power_brake": ("gpu", _power_brake),
    "recovery_needed": ("gpu", lambda _: _flag("recovery_action")),
    "remap_failed": ("gpu", lambda _: _flag("remapped_rows_failure")),
    "remap_pending": (
        "gpu",
        lambda _: _flag("remapped_rows_pending", "retired_pages_pending"),
    ),
    "room_low": ("fs", _room_low),
    "source_down": ("source", _source_down),
    "spares_used_up": ("gpu", lambda _: _flag("memory_banks_spares_none")),
    "sram_worn": ("gpu", lambda _: _flag("ecc_sram_threshold_exceeded")),
    "thermal_slowdown": ("gpu", _thermal_slowdown),
    **service_conditions.CONDITIONS,
}

# The metrics of each kind's wide frame, and those whose value before is needed.
WIDE: Final[Mapping[str, Sequence[str]]] = {
    "gpu": (
        "temperature_celsius",
        "power_draw_watts",
        "clock_sm_hertz",
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
    ),
    "host": (
        "memory_available_bytes",
        "memory_total_bytes",
        "clock_monotonic_seconds",
        "clock_offset_seconds",
    ),
    "fs": ("available_bytes", "size_bytes", "inodes", "inodes_free"),
    "service": service_conditions.WIDE,
    "source": ("up",),
}
BEFORE: Final[Mapping[str, Sequence[str]]] = {
    "gpu": (
        "temperature_celsius",
        "throttle_hw_thermal_seconds_total",
        "throttle_hw_power_brake_seconds_total",
        "ecc_corrected_total",
        "ecc_uncorrected_total",
        "pcie_replay_total",
    ),
    "host": ("clock_monotonic_seconds", "clock_offset"),
    "fs": (),
    "service": service_conditions.BEFORE,
    "source": (),
}
