"""The `service` view: one unit or container over ten seconds.

Its lines, and where it is a model server whose metrics are read, what it says of itself; for all
others the features of that are unknown.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.features.view import Direction, Feature, View

_HIGH, _CONTEXT = Direction.HIGH, Direction.CONTEXT

# Counts are square-rooted (Anscombe 1948): a Poisson count then spreads by about one whatever its
# mean, so one spread serves a busy service and a quiet one.
SERVICE: Final = View(
    "service",
    10,
    (
        Feature("lines", "sqrt", _CONTEXT, 2.0, 1.0, "lines"),
        Feature("lines_minute", "sqrt", _HIGH, 6.0, 2.0, "lines in a minute"),
        Feature("warnings", "sqrt", _HIGH, 2.0, 1.0, "warnings in a minute"),
        Feature("errors", "sqrt", _HIGH, 0.9, 0.8, "errors in a minute"),
        Feature("error_share", "ratio", _CONTEXT, 0.2, 0.05, "errors of all lines in a minute"),
        Feature("new_templates", "sqrt", _HIGH, 1.5, 1.0, "kinds of line never seen, a minute"),
        Feature("tokens", "log", _CONTEXT, 1.0, 0.5, "tokens generated a second"),
        Feature("running", "log", _CONTEXT, 0.7, 0.5, "requests being worked on"),
        Feature("queue", "log", _HIGH, 0.7, 0.7, "requests waiting, over a minute"),
        Feature("kv_cache", "ratio", _CONTEXT, 0.2, 0.1, "key-value cache in use"),
        Feature("first_token", "log", _HIGH, 0.6, 0.5, "ms to the first token, over a minute"),
        Feature("request_time", "log", _HIGH, 0.8, 0.6, "ms a request took, over a minute"),
        Feature("failures", "sqrt", _HIGH, 0.9, 0.8, "requests that failed in a minute"),
        Feature("stalled", "ratio", _HIGH, 0.1, 0.15, "time with requests but no work done"),
    ),
)

WARNING: Final = 13  # OpenTelemetry severity numbers
ERROR: Final = 17

COUNTS: Final = ["count_lines", "count_warnings", "count_errors", "count_new"]
METERS: Final = [
    "tokens_generated_total",
    "steps_total",
    "requests_running",
    "requests_waiting",
    "requests_failed_total",
    "kv_cache_used_ratio",
    "first_token_seconds_total",
    "first_tokens_total",
    "request_seconds_total",
    "requests_timed_total",
]

_EVENT: Final = "event"  # what Docker says about a container is not a line of the container

# Units that exist once are one service: `session-12.scope` and `session-13.scope`.
_INSTANCE: Final = r"[0-9a-f]{8,}|\d+"


def service_name() -> pl.Expr:
    """The entity a line belongs to, or null: the container, else the unit without its suffix."""
    unit = (
        pl.col("unit").str.strip_suffix(".service").str.replace_all(_INSTANCE, "*").str.slice(0, 80)
    )
    name = pl.coalesce("container_name", unit)
    return pl.when(name.str.len_bytes() > 0).then(pl.concat_str(pl.lit("service:"), name))


def count(logs: pl.DataFrame) -> pl.DataFrame:
    """Lines per host, service and window. `logs` carries `new`: the template was never seen."""
    severity = pl.col("severity")
    return (
        logs.lazy()
        .with_columns(
            service_name().alias("entity"),
            pl.col("time").dt.truncate(f"{SERVICE.window_s}s").alias("start"),
        )
        .filter(pl.col("entity").is_not_null() & (pl.col("subtype") != _EVENT))
        .group_by("host", "entity", "start")
        .agg(
            pl.len().cast(pl.Float64).alias("count_lines"),
            severity.is_between(WARNING, ERROR - 1).sum().cast(pl.Float64).alias("count_warnings"),
            (severity >= ERROR).sum().cast(pl.Float64).alias("count_errors"),
            pl.col("new").sum().cast(pl.Float64).alias("count_new"),
        )
        .collect()
    )


def features(regular: pl.DataFrame) -> pl.DataFrame:
    """The features of a regular grid, sorted by start within each service.

    Args:
        regular: COUNTS, and METERS as gauges and as growth a second; null where nothing was said.
    """
    per_minute = 60 // SERVICE.window_s
    minute = {
        name: pl.col(name).rolling_sum(per_minute, min_samples=1).over("host", "entity")
        for name in COUNTS
    }
    return regular.with_columns(
        pl.col("count_lines").sqrt().alias("lines"),
        minute["count_lines"].sqrt().alias("lines_minute"),
        minute["count_warnings"].sqrt().alias("warnings"),
        minute["count_errors"].sqrt().alias("errors"),
        (minute["count_errors"] / minute["count_lines"].clip(1.0)).alias("error_share"),
        minute["count_new"].sqrt().alias("new_templates"),
        *_of_meters(per_minute),
    )


def _of_meters(per_minute: int) -> list[pl.Expr]:
    def minute(value: pl.Expr) -> pl.Expr:
        return value.rolling_mean(per_minute, min_samples=1).over("host", "entity")

    def mean_ms(seconds: str, events: str) -> pl.Expr:
        many = minute(pl.col(events))
        return pl.when(many > 0).then(minute(pl.col(seconds)) / many * 1e3).clip(0.0).log1p()

    steps = pl.col("steps_total")
    in_hand = pl.sum_horizontal("requests_running", "requests_waiting")
    idle = pl.when(steps.is_not_null()).then(((in_hand > 0) & (steps == 0)).cast(pl.Float64))
    return [
        pl.col("tokens_generated_total").log1p().alias("tokens"),
        pl.col("requests_running").log1p().alias("running"),
        minute(pl.col("requests_waiting")).clip(0.0).log1p().alias("queue"),
        pl.col("kv_cache_used_ratio").alias("kv_cache"),
        mean_ms("first_token_seconds_total", "first_tokens_total").alias("first_token"),
        mean_ms("request_seconds_total", "requests_timed_total").alias("request_time"),
        (minute(pl.col("requests_failed_total")) * 60).clip(0.0).sqrt().alias("failures"),
        minute(idle).alias("stalled"),
    ]
