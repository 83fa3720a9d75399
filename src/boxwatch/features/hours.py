"""Two weeks of hours: the levels that may creep up or down, one value an hour.

A level that depends on load comes with it (`x`), so that what is judged is the level at equal load.
The hours of one kind of level are the rows of one matrix, a ring over the hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.clock import EPOCH
from boxwatch.events.schema import Schema
from boxwatch.features.blocks import (
    CARD_METRICS,
    HOST_METRICS,
    ROOM_METRICS,
    SERVICE_METRICS,
    wide,
)

DAYS: Final = 14
HOURS: Final = 24 * DAYS

MEMORIES: Final = ("memory_available_bytes", "memory_total_bytes")

_LEAST_BLOCKS: Final = 4  # of five minutes: an hour of which less is known is unknown
_BUSY: Final = 0.5
_CAPPED: Final = 0.05  # share of the time at the power limit from which the clock tells of the work
_LEAST_SHARE: Final = 0.01  # of the memory: what services below hold is not kept
_MOST_ERRORS: Final = 60.0  # of one block: a burst says little of the rate
_LEVELS: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "level": pl.String(),
    "hour": pl.Int64(),
    "blocks": pl.UInt32(),
    "y": pl.Float64(),
    "x": pl.Float64(),
    "low": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of level: how an hour is made of its blocks, and what day to day is normal.

    `spread` and `floor` are in the unit of the level, as those of a feature. `slope` is how much it
    moves with `x`, where nothing is known of the entity yet; None: `x` is only told along.
    """

    name: str
    sign: float  # 1: rising is bad; -1: falling is
    spread: float
    floor: float
    slope: float | None = None
    lowest: bool = False  # of its blocks; else their mean
    counted: bool = False  # events an hour, judged by the logarithm of a day's sum
    fills: bool = False  # up to 1, and then it is full
    shares: bool = False  # with others, who fill it too: `x` is how full it is


LEVELS: Final[Mapping[str, Level]] = {
    level.name: level
    for level in (
        Level("temperature", 1.0, 1.0, 4.0, slope=40.0),
        Level("clock", -1.0, 0.01, 0.05, slope=0.0),
        Level("ecc", 1.0, 0.8, 1.4, counted=True),
        Level("card_memory", 1.0, 0.05, 0.10, lowest=True, fills=True),
        Level("memory", 1.0, 0.04, 0.10, lowest=True, fills=True),
        Level("service_memory", 1.0, 0.04, 0.05, lowest=True, fills=True, shares=True),
        Level("room", 1.0, 0.01, 0.03, fills=True),
    )
}


class Ring:
    """The last `HOURS` hours of one level, one row an entity."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.y = np.full((0, HOURS), np.nan, np.float32)
        self.x = np.full((0, HOURS), np.nan, np.float32)
        self.until = 0  # the newest hour, since the epoch

    def put(self, hour: int, values: pl.DataFrame) -> None:
        """Take the `y` and `x` of an hour later than all before it, by host and entity."""
        past = np.arange(max(self.until + 1, hour - HOURS + 1), hour + 1) % HOURS
        self.y[:, past] = np.nan
        self.x[:, past] = np.nan
        self.until = hour
        places = {key: place for place, key in enumerate(self.keys)}
        keys = list(values.select("host", "entity").iter_rows())
        fresh = [key for key in keys if key not in places]
        if fresh:
            more = np.full((len(fresh), HOURS), np.nan, np.float32)
            self.y, self.x = np.vstack([self.y, more]), np.vstack([self.x, more])
            places |= {key: len(self.keys) + place for place, key in enumerate(fresh)}
            self.keys += fresh
        rows = np.array([places[key] for key in keys], np.int64)
        self.y[rows, hour % HOURS] = values["y"].to_numpy()
        self.x[rows, hour % HOURS] = values["x"].to_numpy()
        if hour % 24 == 0:
            self._forget()

    def _forget(self) -> None:
        """Let go of what nothing is known of any more."""
        kept = np.flatnonzero(~np.isnan(self.y).all(axis=1))
        self.keys = [self.keys[place] for place in kept.tolist()]
        self.y, self.x = self.y[kept], self.x[kept]

    def ordered(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`y` and `x`, oldest hour first."""
        order = np.arange(self.until - HOURS + 1, self.until + 1) % HOURS
        return self.y[:, order].astype(np.float64), self.x[:, order].astype(np.float64)

    def save(self) -> dict[str, object]:
        """All state: arrays, and names."""
        return {
            "keys": [list(key) for key in self.keys],
            "y": self.y,
            "x": self.x,
            "at": self.until,
        }

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self.keys = [(host, entity) for host, entity in cast("list[list[str]]", saved["keys"])]
        self.y = cast("NDArray[np.float32]", saved["y"])
        self.x = cast("NDArray[np.float32]", saved["x"])
        self.until = cast("int", saved["at"])


class Hours:
    """Folds blocks into hours, and keeps them by level. All state is in `save()`."""

    def __init__(self) -> None:
        self.rings = {name: Ring() for name in LEVELS}
        self._open = pl.DataFrame(schema=dict(_LEVELS))

    def add(self, blocks: pl.DataFrame) -> list[int]:
        """The hours that `blocks` (features.blocks.BLOCKS) closed; they are in the rings now.

        To be called with blocks of one hour at a time, so that rings are judged hour by hour.
        """
        if blocks.is_empty():
            return []
        newest = (cast("datetime", blocks["start"].max()) - EPOCH).total_seconds() // 3600
        self._open = _folded(pl.concat([self._open, *_levels(blocks)]))
        whole = self._open.filter(pl.col("hour") < newest)
        if whole.is_empty():
            return []
        self._open = self._open.filter(pl.col("hour") >= newest)
        hours = sorted(whole["hour"].unique().to_list())
        known = whole.filter(pl.col("blocks") >= _LEAST_BLOCKS)
        closed = []
        for hour in hours:
            mine = known.filter(pl.col("hour") == hour)
            if any(ring.until >= hour for ring in self.rings.values()):
                continue  # a clock went back: these hours are known already
            for name, ring in self.rings.items():
                y = "low" if LEVELS[name].lowest else "y"
                level = mine.filter(pl.col("level") == name)
                ring.put(hour, level.select("host", "entity", pl.col(y).alias("y"), "x"))
            closed.append(hour)
        return closed

    def save(self) -> dict[str, object]:
        """All state: frames and arrays."""
        return {"open": self._open, **{name: ring.save() for name, ring in self.rings.items()}}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._open = cast("pl.DataFrame", saved["open"])
        for name, ring in self.rings.items():
            if name in saved:  # an older checkpoint does not know every level
                ring.load(cast("Mapping[str, object]", saved[name]))


def _folded(levels: pl.DataFrame) -> pl.DataFrame:
    """One row an entity, level and hour: means weighted by their blocks."""
    blocks = pl.col("blocks")
    return (
        levels.lazy()
        .group_by("host", "entity", "level", "hour", maintain_order=True)
        .agg(
            blocks.sum(),
            (pl.col("y") * blocks).sum() / blocks.sum(),
            (pl.col("x") * blocks).sum() / blocks.sum(),
            pl.col("low").min(),
        )
        .collect(engine="in-memory")
    )


def _levels(blocks: pl.DataFrame) -> list[pl.DataFrame]:
    """The levels of each block, as _LEVELS with one block a row."""
    cards = wide(blocks, CARD_METRICS, "gpu:")
    power = pl.col("power_draw_watts") / pl.col("power_limit_watts")
    capped = pl.col("throttle_sw_power_cap_seconds_total").fill_null(0.0) > _CAPPED
    free = (pl.col("utilization_ratio") >= _BUSY) & ~capped
    clock = pl.when(free).then(pl.col("clock_sm_hertz") / pl.col("clock_sm_max_hertz"))
    errors = (pl.col("ecc_corrected_total") * 300).clip(0.0, _MOST_ERRORS) * 12
    card_memory = pl.col("memory_used_bytes") / pl.col("memory_total_bytes")
    machine = wide(blocks, HOST_METRICS, "host")
    memory = 1 - pl.col("memory_available_bytes") / pl.col("memory_total_bytes")
    rooms = wide(blocks, ROOM_METRICS, "fs:")
    held = wide(blocks, SERVICE_METRICS, "service:").join(
        machine.select("host", "start", *MEMORIES), on=["host", "start"]
    )
    share = pl.col("memory_anonymous_bytes") / pl.col("memory_total_bytes")
    size = pl.col("size_bytes")
    return [
        _level(cards, "temperature", pl.col("temperature_celsius"), power),
        _level(cards, "clock", clock, power),
        _level(cards, "ecc", errors, pl.lit(0.0)),
        _level(cards, "card_memory", card_memory, pl.col("memory_total_bytes")),
        _level(machine, "memory", memory, pl.col("memory_total_bytes")),
        _level(held.filter(share >= _LEAST_SHARE), "service_memory", share, memory),
        _level(rooms, "room", 1 - pl.col("available_bytes") / size, size),
    ]


def _level(frame: pl.DataFrame, name: str, y: pl.Expr, x: pl.Expr) -> pl.DataFrame:
    hour = pl.col("start").dt.timestamp("ms") // 3_600_000
    return frame.select(
        "host",
        "entity",
        pl.lit(name).alias("level"),
        hour.alias("hour"),
        pl.lit(1, pl.UInt32).alias("blocks"),
        y.cast(pl.Float64).alias("y"),
        x.cast(pl.Float64).alias("x"),
        y.cast(pl.Float64).alias("low"),
    ).filter(pl.col("y").is_finite() & pl.col("x").is_finite())
