"""From single samples to one value a metric, entity and window; counters become rates.

The long table of a second's readings is reduced first (mean, last, how many were unknown), and
only then spread out to one column a metric: at 1 Hz and windows of 5 s that is a fifth of the
rows, and strings are compared on the small table only.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events.metrics import METRICS
from boxwatch.events.schema import TIME, Schema

KEY: Final = ["host", "entity", "metric"]

CARRY: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "metric": pl.String(),
    "last": pl.Float64(),
    "last_time": TIME,
}

# Looked at under load only, where the highest reading of a window is the one that counts: the card
# may still have been waking up in the first second.
_HIGHEST: Final = ["clock_sm_hertz", "pcie_generation", "pcie_width_lanes"]

_HAIR: Final = 0.99  # a counter that fell by less was not reset

_COUNTERS: Final = sorted(name for name, metric in METRICS.items() if metric.counter)


def reduce(samples: pl.DataFrame, window_s: int) -> pl.DataFrame:
    """One row per host, entity, metric and window.

    Returns:
        Columns host, entity, metric, start, mean, last, last_time, readings, unknown. `mean` and
        `last` are null where no reading of the window is known; `mean` is the highest reading
        for the few metrics that are judged under load.
    """
    return (
        samples.lazy()
        .with_columns(pl.col("time").dt.truncate(f"{window_s}s").alias("start"))
        .group_by(*KEY, "start")
        .agg(
            pl.when(pl.col("metric").first().is_in(_HIGHEST))
            .then(pl.col("value").max())
            .otherwise(pl.col("value").mean())
            .alias("mean"),
            pl.col("value").drop_nulls().last().alias("last"),
            pl.col("time").filter(pl.col("value").is_not_null()).last().alias("last_time"),
            pl.len().alias("readings"),
            pl.col("value").null_count().alias("unknown"),
        )
        .collect(engine="in-memory")  # the streaming one adds the parts of a mean in any order
    )


def rates(reduced: pl.DataFrame, carry: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give every row its `value`: the mean of a gauge, the growth per second of a counter.

    A counter's growth is measured from its last reading in an earlier window (`carry` holds it
    across calls). A counter that fell was reset: what it shows is what came since, as Prometheus
    counts. One that fell by a hair was not: the kernel's times of waiting for I/O and of stolen
    processors go back at times (proc(5)), and a reset of them would be a rate out of all bounds. A
    clock that went back gives no rate: unknown.

    Returns:
        `reduced` with `value`, and the carry for the next call (CARRY).
    """
    is_counter = pl.col("metric").is_in(_COUNTERS)
    counters = reduced.filter(is_counter & pl.col("last").is_not_null())
    joined = pl.concat(
        [
            carry.with_columns(old=pl.lit(value=True)),
            counters.with_columns(old=pl.lit(value=False)),
        ],
        how="diagonal",
    ).sort("last_time", maintain_order=True)
    before = pl.col("last").shift(1).over(KEY)
    elapsed = (pl.col("last_time") - pl.col("last_time").shift(1).over(KEY)).dt.total_microseconds()
    growth = pl.col("last") - before
    since = (
        pl.when(growth >= 0)
        .then(growth)
        .when(pl.col("last") >= before * _HAIR)
        .then(0.0)
        .otherwise("last")
    )
    grown = joined.with_columns(pl.when(elapsed > 0).then(since / (elapsed / 1e6)).alias("rate"))
    latest = grown.group_by(KEY, maintain_order=True).last().select(list(CARRY))
    valued = reduced.join(
        grown.filter(~pl.col("old")).select(*KEY, "start", "rate"),
        on=[*KEY, "start"],
        how="left",
    ).with_columns(pl.when(is_counter).then("rate").otherwise("mean").alias("value"))
    return valued, latest


def spread(valued: pl.DataFrame, metrics: list[str], *, by: str) -> pl.DataFrame:
    """One row per host, entity and window, one column per metric of `metrics`, always all of them.

    Several rows of one metric (many disks, once `entity` is set alike) become one by `by`: "sum",
    "max" or "min". Unknown stays null: a sum over nothing known is not zero.
    """
    together = pl.col("value").max() if by == "max" else pl.col("value").min()
    if by == "sum":
        together = pl.col("value").drop_nulls().sort()
    single = (
        valued.lazy()
        .filter(pl.col("metric").is_in(metrics))
        .group_by("host", "entity", "start", "metric")
        .agg(together.alias("value"))
        .collect()
    )
    if by == "sum":
        # Summed from the least to the greatest, whatever the threads did: sums of floats differ in
        # their last bits else, and a replay must be what was live.
        known = pl.col("value").list.len() > 0
        single = single.with_columns(pl.when(known).then(pl.col("value").list.sum()).alias("value"))
    return single.pivot(
        on="metric",
        on_columns=metrics,
        index=["host", "entity", "start"],
        values="value",
        aggregate_function="max",
    )
