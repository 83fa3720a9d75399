"""GPU rows: the answers of `nvidia-smi --query-gpu`, spelled as it prints them (nounits)."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import polars as pl

from boxwatch.sources.simulated import gpu_physics as physics
from boxwatch.sources.simulated.card_model import Build, CardModel
from boxwatch.sources.simulated.world import Card, Series, World

_COUNTERS: Final = {
    "hw_thermal_slowdown": physics.HW_THERMAL,
    "hw_power_brake_slowdown": physics.HW_POWER_BRAKE,
    "sw_thermal_slowdown": physics.SW_THERMAL,
    "sw_power_cap": physics.SW_POWER_CAP,
}
BUS_IDS: Final = tuple(
    f"00000000:{bus}:00.0" for bus in ("21", "41", "61", "81", "A1", "C1", "D1", "E1")
)
_LISTED: Final = (
    "GPU-5b1e21c4-0c55-9d0a-6a2c-2f7c9e0f4d11",
    "GPU-c7d3a9e8-41b7-3f65-8f0e-91a4d6b2e053",
)
# What a card that is known but does not answer still has: the rest reads `[Unknown Error]`.
_IDENTITY: Final = {"host", "collected_at", "timestamp", "index", "uuid", "name", "pci.bus_id"}
_LACKING: Final = "[N/A]"


def _uuid(index: int) -> str:
    digits = hashlib.sha256(f"card {index}".encode()).hexdigest()
    return f"GPU-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


UUIDS: Final = (*_LISTED, *(_uuid(index) for index in range(len(_LISTED), len(BUS_IDS))))


def rows(world: World) -> pl.DataFrame:
    """All rows of all cards: `second`, `clock` (microseconds, filled later) and the fields."""
    air = physics.ambient(world.span, world.build.room_c, world.random("ambient"))
    frames = []
    for index, card in enumerate(world.cards):
        rng = world.random(f"gpu:{index}")
        place = 1.8 * index if index < len(_LISTED) else 0.9 * (index % 4)  # others warm its air
        frames.append(_card_rows(world, index, card, air + place, rng))
    return pl.concat(frames)


def _card_rows(
    world: World, index: int, card: Card, air: Series, rng: np.random.Generator
) -> pl.DataFrame:
    n = world.span.seconds
    model = world.build.card
    noise = rng.normal(0, 1, n)
    read = physics.run(card, model, air, noise)
    busy = np.clip(card.util + rng.normal(0, 0.02, n) * (card.util > 0.02), 0, 1)
    background = (rng.random(n) < 0.3 / 86400).astype(np.float64)
    corrected = physics.restarted(np.cumsum(card.ecc + background), card.resets)
    uncorrected = physics.restarted(np.cumsum(card.uncorrected), card.resets)
    power = np.round(read.power * 100).astype(np.int64)
    reasons = read.reasons.astype(np.int64)
    idle = read.idle > 0
    most = model.memory_mib - model.reserved_mib - 1
    memory = np.minimum(np.round(card.memory), most).astype(np.int64)
    lowest = 1 if model.sleepy_link else model.generation
    at_work, at_rest = model.pstates
    state = {
        "second": np.arange(n),
        "gone": card.gone.astype(np.int8),
        "temperature.gpu": np.round(read.temperature + 0.15 * noise).astype(np.int64),
        "utilization.gpu": np.round(busy * 100).astype(np.int64),
        "utilization.memory": np.round(busy * read.power / model.limit_w * 62).astype(np.int64),
        "memory.used": memory,
        "power": power,
        "limit": np.round(card.limit * model.limit_w * 100).astype(np.int64),
        "fan.speed": np.round(read.fan * 100).astype(np.int64),
        "clocks.current.sm": (np.round((read.clock + 6 * noise) / 15) * 15).astype(np.int64),
        "clocks.current.memory": np.where(idle, model.memory_idle_mhz, model.memory_mhz),
        "pstate": np.where(idle, at_rest, at_work),
        "pcie.link.gen.current": np.where(
            idle, np.minimum(lowest, card.gen_cap), card.gen_cap
        ).astype(np.int64),
        "pcie.link.width.current": card.width.astype(np.int64),
        "reasons": reasons,
        "ecc": corrected.astype(np.int64),
        "uncorrected": uncorrected.astype(np.int64),
        "remapped": card.remapped.astype(np.int64),
        "pending": card.pending > 0,
        "recovery": card.recovery > 0,
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


def _by_card(values: tuple[str, ...], gpus: int) -> pl.Expr:
    named = dict(enumerate(values[:gpus]))
    return pl.col("card").replace_strict(named, return_dtype=pl.String)


def _flag(column: str, yes: str, no: str) -> pl.Expr:
    return pl.when(pl.col(column)).then(pl.lit(yes)).otherwise(pl.lit(no))


_FABRIC: Final = {"fabric.state": pl.lit("Completed"), "fabric.status": pl.lit("Success")}


def fields(build: Build) -> dict[str, pl.Expr]:
    """The fields of a row and what is printed in them."""
    model = build.card
    usable = model.memory_mib - model.reserved_mib
    return {
        "index": _printed("card"),
        "uuid": _by_card(UUIDS, build.gpus),
        "name": _text(model.name),
        "pci.bus_id": _by_card(BUS_IDS, build.gpus),
        "driver_version": _text(model.driver),
        "pstate": pl.concat_str(pl.lit("P"), _printed("pstate")),
        "temperature.gpu": _printed("temperature.gpu"),
        "temperature.memory": _text("N/A"),  # not reported by cards with GDDR6
        "utilization.gpu": _printed("utilization.gpu"),
        "utilization.memory": _printed("utilization.memory"),
        "memory.total": _text(str(model.memory_mib)),
        "memory.reserved": _text(str(model.reserved_mib)),
        "memory.used": _printed("memory.used"),
        "memory.free": (pl.lit(usable) - pl.col("memory.used")).cast(pl.String),
        "power.draw.instant": _hundredths("power"),
        "enforced.power.limit": _hundredths("limit"),
        "fan.speed": _printed("fan.speed") if model.fan else _text(_LACKING),
        "clocks.current.sm": _printed("clocks.current.sm"),
        "clocks.max.sm": _text(str(model.sm_max_mhz)),
        "clocks.current.memory": _printed("clocks.current.memory"),
        "pcie.link.gen.current": _printed("pcie.link.gen.current"),
        "pcie.link.gen.max": _text(str(model.generation)),
        "pcie.link.width.current": _printed("pcie.link.width.current"),
        "pcie.link.width.max": _text("16"),
        "clocks_event_reasons.active": _printed("bits"),
        **{
            f"clocks_event_reasons_counters.{name}": _printed(f"count.{name}") for name in _COUNTERS
        },
        "clocks_event_reasons_counters.sync_boost": _text("0"),
        **_memory_health(model),
        "retired_pages.pending": _text(_LACKING),
        "gpu_recovery_action": _flag("recovery", "Reset", "None"),
        "compute_processes": _printed("processes"),  # counted by the collector
        **(_FABRIC if model.nvlink else {}),
    }


def _memory_health(model: CardModel) -> dict[str, pl.Expr]:
    told = {
        "ecc.mode.current": _text("Enabled"),
        "ecc.errors.corrected.volatile.total": _printed("ecc"),
        "ecc.errors.uncorrected.volatile.total": _printed("uncorrected"),
        "remapped_rows.correctable": _text("0"),
        "remapped_rows.uncorrectable": _printed("remapped"),
        "remapped_rows.pending": _flag("pending", "Yes", "No"),
        "remapped_rows.failure": _text("No"),
    }
    return told if model.ecc else dict.fromkeys(told, _text(_LACKING))


def printed(frame: pl.DataFrame, host: str, build: Build) -> pl.DataFrame:
    """`frame` (with `wall`, microseconds since the epoch) as the rows that a collection writes."""
    wall = pl.col("wall").cast(pl.Datetime("us"))
    lost = pl.col("gone") == 1
    shown = [
        expr.alias(name)
        if name in _IDENTITY
        else pl.when(lost).then(pl.lit("[Unknown Error]")).otherwise(expr).alias(name)
        for name, expr in fields(build).items()
    ]
    return frame.filter(pl.col("gone") < 2).select(
        pl.lit(host).alias("host"),
        wall.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias("collected_at"),
        wall.dt.strftime("%Y/%m/%d %H:%M:%S%.3f").alias("timestamp"),
        *shown,
    )
