"""Host readings: metrics by their own names, one record an entity and instant."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import instants, readings
from boxwatch.events.metrics import METRICS
from boxwatch.events.ndjson import Records
from boxwatch.events.schema import Events, concat

_OWN: Final = ("host", "disk", "fs", "net", "sensor")  # the kinds of entity a host reading is about

COLUMNS: Final = (
    "host",
    "collected_at",
    "entity",
    *(name for name, metric in METRICS.items() if metric.entity in _OWN),
)


def normalise(records: Records) -> Events:
    """The samples of host readings; of each entity only the metrics that belong to its kind."""
    kind = pl.col("entity").str.extract(r"^([a-z]+)(?::.|$)")
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        kind.alias("kind"),
    )
    parts = []
    for name in _OWN:
        part = frame.filter(pl.col("kind") == name)
        if part.height:
            fields = readings.by_name([m.name for m in METRICS.values() if m.entity == name])
            parts.append(readings.to_events(records, part, fields, "host"))
    strange = frame.filter(~pl.col("kind").is_in(_OWN).fill_null(value=False))
    aside = records.set_aside(strange["row"].to_list(), "no entity that is known")
    return concat([Events(quarantined=records.unreadable), *parts, Events(quarantined=aside)])
