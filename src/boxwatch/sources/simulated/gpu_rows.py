"""GPU rows: the answers of `nvidia-smi --query-gpu`, spelled as it prints them (nounits)."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from boxwatch.sources.simulated import gpu_physics as physics
from boxwatch.sources.simulated.world import Card, Series, World

_COUNTERS: Final = {
    "hw_thermal_slowdown": physics.HW_THERMAL,
    "hw_power_brake_slowdown": physics.HW_POWER_BRAKE,
    "sw_thermal_slowdown": physics.SW_THERMAL,
    "sw_power_cap": physics.SW_POWER_CAP,
}
BUS_IDS: Final = ("00000000:21:00.0", "00000000:41:00.0")
UUIDS: Final = (
    "GPU-5b1e21c4-0c55-9d0a-6a2c-2f7c9e0f4d11",
    "GPU-c7d3a9e8-41b7-3f65-8f0e-91a4d6b2e053",
)
# What a card that is known but does not answer still has: the rest reads `[Unknown Error]`.
_IDENTITY: Final = {"host", "collected_at", "timestamp", "index", "uuid", "name", "pci.bus_id"}


def rows(world: World) -> pl.DataFrame:
    """All rows of all cards: `second`, `clock` (microseconds, filled later) and the fields."""
    air = physics.ambient(world.span, world.random("ambient"))
    frames = []
    for index, card in enumerate(world.cards):
        rng = world.random(f"gpu:{index}")
        frames.append(_card_rows(world, index, card, air + 1.8 * index, rng))
    return pl.concat(frames)


def _card_rows(
    world: World, index: int, card: Card, air: Series, rng: np.random.Generator
) -> pl.DataFrame:
    n = world.span.seconds
    noise = rng.normal(0, 1, n)
    read = physics.run(card, air, noise)
    busy = np.clip(card.util + rng.normal(0, 0.02, n) * (card.util > 0.02), 0, 1)
    background = (rng.random(n) < 0.3 / 86400).astype(np.float64)
    corrected = physics.restarted(np.cumsum(card.ecc + background), card.resets)
    power = np.round(read.power * 100).astype(np.int64)
    reasons = read.reasons.astype(np.int64)
    idle = read.idle > 0
    memory = np.minimum(np.round(card.memory), physics.MEMORY_MIB - 610).astype(np.int64)
    state = {
        "second": np.arange(n),
        "gone": card.gone.astype(np.int8),
        "temperature.gpu": np.round(read.temperature + 0.15 * noise).astype(np.int64),
        "utilization.gpu": np.round(busy * 100).astype(np.int64),
        "utilization.memory": np.round(busy * read.power / 300 * 62).astype(np.int64),
        "memory.used": memory,
        "power": power,
        "fan.speed": np.round(read.fan * 100).astype(np.int64),
        "clocks.current.sm": (np.round((read.clock + 6 * noise) / 15) * 15).astype(np.int64),
        "clocks.current.memory": np.where(idle, 405, 10001),
        "pstate": np.where(idle, 8, 2),
        "pcie.link.gen.current": np.where(idle, 1, card.gen_cap).astype(np.int64),
        "pcie.link.width.current": card.width.astype(np.int64),
        "reasons": reasons,
        "ecc": corrected.astype(np.int64),
        "processes": np.round(card.processes).astype(np.int64),
    }
    frame = pl.DataFrame(state).with_columns(
        pl.lit(index, pl.Int64).alias("card"),
        pl.Series("bits", [f"0x{bits:016X}" for bits in reasons.tolist()]),
    )
    for name, bit in _COUNTERS.items():
        counted = physics.restarted(physics.counter_micros(read.reasons, bit), card.resets)
        frame = frame.with_columns(pl.Series(f"count.{name}", counted.astype(np.int64)))
    return frame


def _printed(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _text(value: str) -> pl.Expr:
    return pl.lit(value)


def _hundredths(column: str) -> pl.Expr:
    cents = (pl.col(column) % 100).cast(pl.String).str.zfill(2)
    return pl.concat_str((pl.col(column) // 100).cast(pl.String), pl.lit("."), cents)


def _by_card(values: tuple[str, ...]) -> pl.Expr:
    return pl.when(pl.col("card") == 0).then(pl.lit(values[0])).otherwise(pl.lit(values[1]))


FIELDS: Final[dict[str, pl.Expr]] = {
    "index": _printed("card"),
    "uuid": _by_card(UUIDS),
    "name": _text("NVIDIA RTX 6000 Ada Generation"),
    "pci.bus_id": _by_card(BUS_IDS),
    "driver_version": _text("570.148.08"),
    "pstate": pl.concat_str(pl.lit("P"), _printed("pstate")),
    "temperature.gpu": _printed("temperature.gpu"),
    "temperature.memory": _text("N/A"),  # not reported by cards with GDDR6
    "utilization.gpu": _printed("utilization.gpu"),
    "utilization.memory": _printed("utilization.memory"),
    "memory.total": _text(str(physics.MEMORY_MIB)),
    "memory.reserved": _text("609"),
    "memory.used": _printed("memory.used"),
    "memory.free": (pl.lit(physics.MEMORY_MIB - 609) - pl.col("memory.used")).cast(pl.String),
    "power.draw.instant": _hundredths("power"),
    "enforced.power.limit": _text("300.00"),
    "fan.speed": _printed("fan.speed"),
    "clocks.current.sm": _printed("clocks.current.sm"),
    "clocks.max.sm": _text(str(physics.SM_MAX_MHZ)),
    "clocks.current.memory": _printed("clocks.current.memory"),
    "pcie.link.gen.current": _printed("pcie.link.gen.current"),
    "pcie.link.gen.max": _text("4"),
    "pcie.link.width.current": _printed("pcie.link.width.current"),
    "pcie.link.width.max": _text("16"),
    "clocks_event_reasons.active": _printed("bits"),
    **{f"clocks_event_reasons_counters.{name}": _printed(f"count.{name}") for name in _COUNTERS},
    "clocks_event_reasons_counters.sync_boost": _text("0"),
    "ecc.mode.current": _text("Enabled"),
    "ecc.errors.corrected.volatile.total": _printed("ecc"),
    "ecc.errors.uncorrected.volatile.total": _text("0"),
    "remapped_rows.correctable": _text("0"),
    "remapped_rows.uncorrectable": _text("0"),
    "remapped_rows.pending": _text("No"),
    "remapped_rows.failure": _text("No"),
    "retired_pages.pending": _text("[N/A]"),
    "gpu_recovery_action": _text("None"),
    "compute_processes": _printed("processes"),  # counted by the collector
}


def printed(frame: pl.DataFrame, host: str) -> pl.DataFrame:
    """`frame` (with `wall`, microseconds since the epoch) as the rows that a collection writes."""
    wall = pl.col("wall").cast(pl.Datetime("us"))
    lost = pl.col("gone") == 1
    fields = [
        expr.alias(name)
        if name in _IDENTITY
        else pl.when(lost).then(pl.lit("[Unknown Error]")).otherwise(expr).alias(name)
        for name, expr in FIELDS.items()
    ]
    return frame.filter(pl.col("gone") < 2).select(
        pl.lit(host).alias("host"),
        wall.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias("collected_at"),
        wall.dt.strftime("%Y/%m/%d %H:%M:%S%.3f").alias("timestamp"),
        *fields,
    )
