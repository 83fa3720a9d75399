"""The `service` view: the lines of one unit or container over ten seconds."""

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
    ),
)

WARNING: Final = 13  # OpenTelemetry severity numbers
ERROR: Final = 17

COUNTS: Final = ["count_lines", "count_warnings", "count_errors", "count_new"]

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


def features(counts: pl.DataFrame) -> pl.DataFrame:
    """The features of a regular grid of counts, sorted by start within each service."""
    per_minute = 60 // SERVICE.window_s
    minute = {
        name: pl.col(name).rolling_sum(per_minute, min_samples=1).over("host", "entity")
        for name in COUNTS
    }
    return counts.with_columns(
        pl.col("count_lines").sqrt().alias("lines"),
        minute["count_lines"].sqrt().alias("lines_minute"),
        minute["count_warnings"].sqrt().alias("warnings"),
        minute["count_errors"].sqrt().alias("errors"),
        (minute["count_errors"] / minute["count_lines"].clip(1.0)).alias("error_share"),
        minute["count_new"].sqrt().alias("new_templates"),
    )
