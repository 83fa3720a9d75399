"""Missing data as a signal: a metric that always came and does not, a value that stands still.

What is looked at are blocks of five minutes. A metric is gone where it used to come in nearly every
block and does not, while others of its entity do. A value is frozen where it used to move in nearly
every block and stands still several times longer than it ever did, while the load of its entity
moves. Where all values of an entity that always moved stand still at once, its exporter is stale.
An entity of which nothing comes, and values that come as unknown, are told by others: rules on
readings, and `unreadable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

import polars as pl

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.events.metrics import METRICS
from boxwatch.events.schema import TIME, Schema
from boxwatch.features.blocks import BLOCK

GONE: Final = "readings-without-metric"
FROZEN: Final = "reading-frozen"
STALE: Final = "readings-frozen"
FEATURES: Final[Mapping[str, str]] = {
    GONE: "metric_gone",
    FROZEN: "metric_frozen",
    STALE: "all_frozen",
}

_WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "gpu": (
        "utilization_ratio",
        "power_draw_watts",
        "temperature_celsius",
        "memory_temperature_celsius",
        "fan_speed_ratio",
        "memory_used_bytes",
        "clock_sm_hertz",
        "ecc_corrected_total",
    ),
    "host": (
        "cpu_busy_seconds_total",
        "load1",
        "memory_available_bytes",
        "pressure_cpu_seconds_total",
        "processes_alive",
    ),
}
_HELP: Final = {name: METRICS[name].help for names in _WATCHED.values() for name in names}
_LOADS: Final = ("power_draw_watts", "utilization_ratio", "cpu_busy_seconds_total")
_LOAD_MOVES: Final = 0.05  # of its level, within a block
_AT_WORK: Final = 0.02  # utilisation: an idle card may well stand still

_LEAST: Final = 36  # blocks: three hours
_NEARLY: Final = 0.9  # share of the blocks
_MISSED: Final = 3  # blocks until what does not come is gone
_STILL: Final = 6  # blocks until what stands still is frozen, and
_TIMES: Final = 4  # so many times its longest stand before
_ALL_STILL: Final = 3  # blocks until a whole entity that stands still is stale
_TOGETHER: Final = 3  # values that always moved, at least
_FORGET: Final = BLOCK * 288  # what did not come for a day is no longer expected

_KEY: Final = ["host", "entity", "metric"]
_HABITS: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "metric": pl.String(),
    "first": TIME,
    "seen": TIME,
    "blocks": pl.UInt32(),  # in which it came
    "moved": pl.UInt32(),  # in which it moved
    "still": pl.UInt32(),  # in a row in which it did not, up to now
    "worked": pl.UInt32(),  # of these, those in which the load of its entity moved
    "longest": pl.UInt32(),  # its longest stand before this one
    "last": pl.Float64(),
    "missed": pl.UInt32(),  # in a row in which its entity came without it
    "absent": pl.UInt32(),  # in all of those
    "on": pl.Boolean(),  # whether its entity was at work in the latest
}


class StoppedReadings:
    """Learns how readings come and move, and finds those that stopped. State is in `save()`."""

    def __init__(self) -> None:
        self._habits = pl.DataFrame(schema=dict(_HABITS))
        self._open: dict[tuple[str, str, str, str], tuple[int, str]] = {}

    def add(self, blocks: pl.DataFrame) -> list[Detection]:
        """Findings that opened or ended with `blocks` (features.blocks.BLOCKS)."""
        watched = pl.any_horizontal(
            _of_kind(kind) & pl.col("metric").is_in(metrics) for kind, metrics in _WATCHED.items()
        )
        found: dict[str, Detection] = {}
        mine = blocks.filter(watched)
        for (start,), block in mine.group_by("start", maintain_order=True):
            self._learn(block, cast("datetime", start))
            for one in self._news(to_micros(cast("datetime", start) + BLOCK)):
                found[one.id] = one
        return list(found.values())

    def _learn(self, block: pl.DataFrame, start: datetime) -> None:
        load = block.filter(pl.col("metric").is_in(_LOADS)).select(
            "host",
            "entity",
            ((pl.col("high") - pl.col("low")) > _LOAD_MOVES * pl.col("high").abs()).alias("moves"),
            ((pl.col("metric") != "utilization_ratio") | (pl.col("mean") > _AT_WORK)).alias(
                "at_work"
            ),
        )
        loads = load.group_by("host", "entity").agg(pl.col("moves").any(), pl.col("at_work").all())
        there = block.select("host", "entity").unique().with_columns(there=True)
        now = block.select(*_KEY, "low", "high", "mean", came=True)
        joined = (
            self._habits.drop("on")
            .join(now, on=_KEY, how="full", coalesce=True)
            .join(loads, on=["host", "entity"], how="left")
            .join(there, on=["host", "entity"], how="left")
        )
        self._habits = _learned(joined, start).filter(pl.col("seen") > start - _FORGET).sort(_KEY)

    def _news(self, now: int) -> list[Detection]:
        stopped = {(*key, name): text for *key, name, text in _stopped(self._habits).iter_rows()}
        news = []
        for key, text in stopped.items():
            if key not in self._open:
                self._open[key] = (now, text)
                news.append(_finding(key, now, now, text, still_open=True))
        for key in [key for key in self._open if key not in stopped]:
            first, text = self._open.pop(key)
            news.append(_finding(key, first, now, text, still_open=False))
        return news

    def save(self) -> dict[str, object]:
        """All state: a frame, and what is open."""
        return {
            "habits": self._habits,
            "open": [[*key, *value] for key, value in self._open.items()],
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._habits = saved["habits"]
        self._open = {
            (host, entity, metric, name): (first, text)
            for host, entity, metric, name, first, text in saved["open"]
        }


def _of_kind(kind: str) -> pl.Expr:
    if kind == "host":
        return pl.col("entity") == "host"
    return pl.col("entity").str.contains(rf"^{kind}:[^/]*$")


def _learned(joined: pl.DataFrame, start: datetime) -> pl.DataFrame:
    """The habits after a block, as _HABITS."""
    came = pl.col("came").fill_null(value=False) & pl.col("mean").is_not_null()
    moved = ((pl.col("high") > pl.col("low")) | (pl.col("mean") != pl.col("last"))).fill_null(
        value=True
    )
    stands = came & ~moved
    works = pl.col("moves").fill_null(value=False) & stands
    there = pl.col("there").fill_null(value=False)
    came_at_all = pl.col("came").fill_null(value=False)
    counts = {name: pl.col(name).fill_null(0) for name in ("blocks", "moved", "still", "longest")}

    def one(condition: pl.Expr) -> pl.Expr:
        return condition.cast(pl.UInt32)

    missed = pl.col("missed").fill_null(0)
    worked = pl.col("worked").fill_null(0)
    still = pl.when(stands).then(counts["still"] + 1).when(came).then(0).otherwise(counts["still"])
    on = pl.col("at_work").fill_null(value=False)
    return (
        joined.select(
            *_KEY,
            pl.col("first").fill_null(start).alias("first"),
            pl.when(came_at_all).then(start).otherwise("seen").alias("seen"),
            (counts["blocks"] + one(came)).alias("blocks"),
            (counts["moved"] + one(came & moved)).alias("moved"),
            still.cast(pl.UInt32).alias("still"),
            pl.when(stands).then(worked + one(works)).otherwise(0).cast(pl.UInt32).alias("worked"),
            pl.when(came & moved)
            .then(pl.max_horizontal(counts["longest"], counts["still"]))
            .otherwise(counts["longest"])
            .cast(pl.UInt32)
            .alias("longest"),
            pl.when(came).then("mean").otherwise("last").alias("last"),
            pl.when(came_at_all)
            .then(0)
            .when(there)
            .then(missed + 1)
            .otherwise(missed)
            .cast(pl.UInt32)
            .alias("missed"),
            (pl.col("absent").fill_null(0) + one(there & ~came_at_all)).alias("absent"),
            on.alias("on"),
        )
        .with_columns(pl.col("first", "seen").cast(TIME))
        .select(list(_HABITS))
    )


def _stopped(habits: pl.DataFrame) -> pl.DataFrame:
    """What has stopped by its habits: host, entity, metric, the finding's name and its text."""
    due = pl.col("blocks") + pl.col("absent") - pl.col("missed")
    usual = (pl.col("blocks") >= _LEAST) & (pl.col("blocks") >= _NEARLY * due)
    before = pl.col("blocks") - pl.col("still")
    moving = (before >= _LEAST) & (pl.col("moved") >= _NEARLY * before)
    always = usual & moving & (pl.col("missed") == 0)
    longest = pl.col("longest")
    frozen = always & (pl.col("still") >= pl.max_horizontal(pl.lit(_STILL), _TIMES * longest + 1))
    loaded = pl.col("worked") * 2 >= pl.col("still")
    all_still = pl.col("still") >= pl.max_horizontal(pl.lit(_ALL_STILL), _TIMES * longest + 1)
    entity = ["host", "entity"]
    judged = habits.with_columns(
        gone=usual & (pl.col("missed") >= _MISSED), always=always, frozen=frozen & loaded
    ).with_columns(
        together=(always & all_still).sum().over(entity),
        lively=always.sum().over(entity),
    )
    stale = (pl.col("together") >= _TOGETHER) & (pl.col("together") == pl.col("lively"))
    minutes = int(BLOCK.total_seconds()) // 60
    said = pl.col("metric").replace_strict(_HELP, default=pl.col("metric"))
    whole = judged.filter(stale & pl.col("on") & pl.col("always"))
    entities = whole.select(entity).unique()
    single = judged.join(entities, on=entity, how="anti")
    return pl.concat(
        [
            single.filter("gone").select(
                *_KEY,
                pl.lit(GONE).alias("name"),
                pl.format(
                    "{}: no reading for {} minutes, though it always came and others still do",
                    said,
                    pl.col("missed") * minutes,
                ).alias("text"),
            ),
            single.filter("frozen").select(
                *_KEY,
                pl.lit(FROZEN).alias("name"),
                pl.format(
                    "{}: the same for {} minutes while the load moved; it never stood still for "
                    "more than {} before",
                    said,
                    pl.col("still") * minutes,
                    (pl.col("longest") + 1) * minutes,
                ).alias("text"),
            ),
            whole.group_by(entity, maintain_order=True)
            .agg(pl.len().alias("many"), pl.col("still").min() * minutes)
            .select(
                *entity,
                pl.lit("").alias("metric"),
                pl.lit(STALE).alias("name"),
                pl.format(
                    "all {} readings of it that always move are the same for {} minutes",
                    "many",
                    "still",
                ).alias("text"),
            ),
        ]
    )


def _finding(
    key: tuple[str, str, str, str], first: int, end: int, text: str, *, still_open: bool
) -> Detection:
    host, entity, metric, name = key
    reasons = [Reason(text, entity, FEATURES[name], share=1.0)]
    if metric:
        reasons.append(Reason(f"{metric} of {entity}", entity, metric, share=0.0))
    return Detection(
        host=host,
        entity=entity,
        start=from_micros(first),
        end=from_micros(end),
        open=still_open,
        kind=Kind.UNUSUAL,
        name=name,
        severity=Severity.MEDIUM if name == STALE else Severity.LOW,
        reasons=tuple(reasons),
    )
