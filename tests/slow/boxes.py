"""Blocks of five minutes of boxes with cards, made by hand: the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from boxwatch.features.blocks import BLOCK, BLOCKS

START = datetime(2026, 3, 2, tzinfo=UTC)
GB = 1e9

Rows = dict[tuple[str, str, str], tuple[float, float]]  # host, entity, metric -> mean, half range


@dataclass(frozen=True)
class Boxes:
    """`hosts` boxes of `cards` cards each at 0.65 of 700 W, that breathe the same air by the day.

    `changes` are added to what a card's metric is, from `since` on.
    """

    hosts: int = 1
    cards: int = 8
    seed: int = 1
    power: float = 0.65
    changes: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    since: datetime = START

    def block(self, number: int) -> pl.DataFrame:
        """The block that begins `number` blocks after START."""
        start = START + BLOCK * number
        rng = np.random.default_rng([self.seed, number])
        hour = start.hour + start.minute / 60
        air = 2.0 * np.sin(2 * np.pi * (hour - 9) / 24)
        rows: Rows = {}
        for host in (f"box{n}" for n in range(self.hosts)):
            for card in (f"gpu:{n}" for n in range(self.cards)):
                rows |= {(host, card, k): v for k, v in self._card(rng, air).items()}
            memory = 512 * GB * (0.6 - 0.1 * np.sin(2 * np.pi * (hour - 12) / 24))
            rows[host, "host", "memory_total_bytes"] = 512 * GB, 0.0
            rows[host, "host", "memory_available_bytes"] = memory + rng.normal(0, GB), GB
            rows[host, "host", "cpu_busy_seconds_total"] = rng.uniform(2, 6), 1.0
            rows[host, "fs:/", "size_bytes"] = 2000 * GB, 0.0
            rows[host, "fs:/", "available_bytes"] = 1400 * GB + rng.normal(0, 0.1 * GB), 0.0
        if start >= self.since:
            for key, more in self.changes.items():
                rows[key] = rows[key][0] + more, rows[key][1]
        return frame(rows, start)

    def _card(self, rng: np.random.Generator, air: float) -> dict[str, tuple[float, float]]:
        power = float(np.clip(rng.normal(self.power, 0.01), 0, 1))
        return {
            "utilization_ratio": (0.95, 0.02),
            "power_draw_watts": (700 * power, 40.0),
            "power_limit_watts": (700.0, 0.0),
            "temperature_celsius": (30 + 45 * power + air + rng.normal(0, 0.5), 1.0),
            "clock_sm_hertz": (rng.normal(1.9e9, 5e6), 1.5e7),
            "clock_sm_max_hertz": (1.98e9, 0.0),
            "memory_used_bytes": (40 * GB, 0.0),
            "memory_total_bytes": (80 * GB, 0.0),
            "pcie_generation": (5.0, 0.0),
            "pcie_width_lanes": (16.0, 0.0),
            "ecc_corrected_total": (0.0, 0.0),
            "throttle_sw_power_cap_seconds_total": (0.0, 0.0),
            "throttle_sw_thermal_seconds_total": (0.0, 0.0),
        }

    def blocks(self, many: int, first: int = 0) -> Iterator[pl.DataFrame]:
        """`many` blocks, one after another."""
        return (self.block(number) for number in range(first, first + many))

    def all(self, many: int) -> pl.DataFrame:
        """`many` blocks as one frame."""
        return pl.concat(self.blocks(many))

    def changed(self, host: str, entity: str, **changes: float) -> Boxes:
        """The same boxes with more of some metrics of one entity."""
        more = {(host, entity, metric): value for metric, value in changes.items()}
        return replace(self, changes=dict(self.changes) | more)


def frame(rows: Rows, start: datetime) -> pl.DataFrame:
    """`rows` of one block as BLOCKS."""
    return pl.DataFrame(
        [
            (*key, start, mean, 1, mean - half, mean + half, mean)
            for key, (mean, half) in rows.items()
        ],
        schema=dict(BLOCKS),
        orient="row",
    )


def hours(number: float) -> timedelta:
    """So many hours."""
    return timedelta(hours=number)
