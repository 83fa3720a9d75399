"""Cards that work at a lower clock than they used to, though nothing that is told holds them back.

Under load a card raises its clock until its power limit, heat or the brake stops it, and says so.
Where it says nothing, its highest clock of five minutes hardly depends on the work, so a card can
be held against its own last hours, and needs no peer: of two cards in a box nobody else can say
which one is slow. What it reached with little to do, or while something held it back, counts as
what it can reach at least. A clock that stays low for a day is what is usual from then on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, Final, cast

import polars as pl

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections.chances import pooled, student_tail
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.features.blocks import BLOCK, CARD_METRICS, wide

NAME: Final = "gpu-slower-than-before"
FEATURE: Final = "slower_than_before"
SHARE: Final = 0.05  # of the false-alarm budget that this look may use up

_BUSY: Final = 0.3  # utilisation from which a card must have raised its clock as far as it can
_WOKE: Final = (
    0.01  # and from which it did some work: what it reached is what it can reach at least
)
_TOLD: Final = 0.01  # share of the time that something held it back, from which that is why
_KEPT: Final = 48  # blocks with work that are remembered
_LEAST: Final = 12  # and from which on a card is judged
_FLOOR: Final = 0.05  # of its clock: boosting lowers it by less when a card is warm
_SPREAD: Final = 0.012  # what the highest clocks of such blocks usually differ by
_WEIGHT: Final = 8.0  # blocks that this spread stands for
_OPENS: Final = 3  # blocks more strange than not
_MOST: Final = 5
_BLOCK_US: Final = int(BLOCK.total_seconds()) * 1_000_000
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
_REASONS: Final = (
    "throttle_hw_thermal_seconds_total",
    "throttle_hw_power_brake_seconds_total",
    "throttle_sw_thermal_seconds_total",
    "throttle_sw_power_cap_seconds_total",
)


@dataclass(slots=True)
class Pace:
    """How one card works: its last clocks over its highest one; times in microseconds."""

    past: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    count: int = 0  # blocks more strange than not
    first: int = 0
    last: int = 0
    seen: int = 0
    told: int = 0
    open: bool = False
    p_value: float = 1.0
    text: str = ""


class HeldBack:
    """Judges blocks as they close. All state is in `save()`.

    Args:
        per_host_week: False alarms allowed per host and week, in all.
    """

    def __init__(self, per_host_week: float = 1.0) -> None:
        self._budget = SHARE * per_host_week
        self._paces: dict[tuple[str, str], Pace] = {}

    def add(self, blocks: pl.DataFrame) -> list[Detection]:
        """Findings that opened, went on or ended with `blocks` (features.blocks.BLOCKS)."""
        found: dict[str, Detection] = {}
        for row in _at_work(blocks).to_dicts():
            key = (row["host"], row["entity"])
            pace = self._paces.setdefault(key, Pace())
            start = to_micros(cast("datetime", row["start"]))
            for one in _judged(key, pace, row, start, self._budget / row["cards"]):
                found[one.id] = one
        if not blocks.is_empty():
            newest = to_micros(cast("datetime", blocks["start"].max()))
            for key in [key for key, one in self._paces.items() if newest - one.seen > _DAY_US]:
                pace = self._paces.pop(key)
                if pace.open:
                    ended = _finding(key, pace, still_open=False)
                    found[ended.id] = ended
        return list(found.values())

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "paces": [
                [*key, asdict(pace) | {"past": list(pace.past)}]
                for key, pace in self._paces.items()
            ]
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._paces = {
            (host, entity): Pace(**{**pace, "past": deque(pace["past"], maxlen=_KEPT)})
            for host, entity, pace in saved["paces"]
        }


def _at_work(blocks: pl.DataFrame) -> pl.DataFrame:
    """Cards that were at work in a block, oldest first.

    `pace` is the highest clock over the highest that it may have; `free` says whether it had much
    to do and nothing held it back.
    """
    highest = blocks.filter(pl.col("metric") == "clock_sm_hertz").select(
        "host", "entity", "start", pl.col("high").alias("clock")
    )
    cards = wide(blocks, CARD_METRICS, "gpu:").join(highest, on=["host", "entity", "start"])
    held = pl.max_horizontal(pl.col(name).fill_null(0.0) for name in _REASONS)
    return (
        cards.with_columns(
            (pl.col("clock") / pl.col("clock_sm_max_hertz")).alias("pace"),
            ((held <= _TOLD) & (pl.col("utilization_ratio") >= _BUSY)).alias("free"),
            pl.len().over("host", "start").alias("cards"),
        )
        .filter((pl.col("utilization_ratio") >= _WOKE) & pl.col("pace").is_finite())
        .select("host", "entity", "start", "pace", "clock", "free", "cards")
        .sort("start", "host", "entity")
    )


def _judged(
    key: tuple[str, str], pace: Pace, row: Mapping[str, Any], start: int, alpha: float
) -> list[Detection]:
    """Take up one block of one card; what there is to tell."""
    pace.seen = start + _BLOCK_US
    usual = median(pace.past) if len(pace.past) >= _LEAST else math.nan
    low = usual - row["pace"] >= _FLOOR * usual  # never true while the usual is not known
    if low and not row["free"] and pace.count > 0:
        return []  # with little to do, or held back by something else, it is no better and no worse
    p = _chance(pace, usual, row["pace"]) if low and row["free"] else 1.0
    if p > alpha:
        return _fine(key, pace, row["pace"])
    if pace.count == 0:
        pace.first = start
    pace.count = min(pace.count + 1, _MOST)
    pace.last, pace.p_value = pace.seen, p
    if pace.last - pace.first > _DAY_US:
        return _usual_now(key, pace)
    if not pace.open and pace.count < _OPENS:
        return []
    if pace.open and pace.last - pace.told < _HOUR_US:
        return []
    pace.open, pace.told, pace.text = True, pace.last, _text(row, usual)
    return [_finding(key, pace, still_open=True)]


def _fine(key: tuple[str, str], pace: Pace, reached: float) -> list[Detection]:
    """A block that is not strange, or of which nothing can be said."""
    pace.count = max(pace.count - 1, 0)
    if pace.count > 0:
        return []
    pace.past.append(reached)
    if not pace.open:
        return []
    pace.open = False
    return [_finding(key, pace, still_open=False)]


def _usual_now(key: tuple[str, str], pace: Pace) -> list[Detection]:
    """After a day of it: somebody means it so."""
    pace.past.clear()
    pace.count = 0
    if not pace.open:
        return []
    pace.open = False
    return [_finding(key, pace, still_open=False)]


def _chance(pace: Pace, usual: float, reached: float) -> float:
    """The chance that a card that works as before reaches no more than this."""
    away = 1.4826 * median(abs(one - usual) for one in pace.past)
    scale = pooled(_SPREAD, _WEIGHT, away, len(pace.past))
    return student_tail((usual - reached) / scale, _WEIGHT + len(pace.past) - 1)


def _text(row: Mapping[str, Any], usual: float) -> str:
    lost = 1 - row["pace"] / usual
    before = row["clock"] / row["pace"] * usual
    return (
        f"at work its clock reaches {row['clock'] / 1e6:.0f} MHz where {before / 1e6:.0f} MHz was "
        f"usual in the hours before, {lost * 100:.0f} % less, and its driver names no reason"
    )


def _finding(key: tuple[str, str], pace: Pace, *, still_open: bool) -> Detection:
    host, entity = key
    return Detection(
        host=host,
        entity=entity,
        start=from_micros(pace.first),
        end=from_micros(pace.last),
        open=still_open,
        kind=Kind.UNUSUAL,
        name=NAME,
        severity=Severity.MEDIUM,
        reasons=(Reason(pace.text, entity, FEATURE, share=1.0),),
        p_value=pace.p_value,
    )
