"""Readings of AI services: metrics by their own names, one record a service and instant."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import instants, readings
from boxwatch.events.metrics import METRICS
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import Events

_METRICS: Final = [name for name, metric in METRICS.items() if metric.entity == "service"]
_FIELDS: Final = readings.by_name(_METRICS)

COLUMNS: Final = ("host", "collected_at", "service", *_METRICS)


def normalise(records: Records) -> Events:
    """The samples of service readings, entity `service:<name>`."""
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        pl.when(pl.col("service").str.len_bytes() > 0)
        .then(pl.concat_str(pl.lit("service:"), "service"))
        .alias("entity"),
    )
    frame, aside = readings.with_entity(records, frame)
    read = readings.to_events(records, frame, _FIELDS, "app")
    quarantined = gather([records.unreadable, *aside, read.quarantined])
    return Events(samples=read.samples, quarantined=quarantined)
