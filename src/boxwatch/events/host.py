"""Host readings: metrics by their own names, one record an entity and instant."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import instants, readings
from boxwatch.events.metrics import METRICS
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SAMPLES, Events, empty

# The kinds of entity a host reading is about.
_OWN: Final = ("host", "cpu", "disk", "fs", "net", "sensor", "service")

COLUMNS: Final = (
    "host",
    "collected_at",
    "entity",
    *(name for name, metric in METRICS.items() if metric.entity in _OWN),
)


_FIELDS: Final = {
    kind: readings.by_name([name for name, metric in METRICS.items() if metric.entity == kind])
    for kind in _OWN
}


def normalise(records: Records) -> Events:
    """The samples of host readings; of each entity only the metrics that belong to its kind."""
    kind = pl.col("entity").str.extract(rf"^({'|'.join(_OWN)})(?::.|$)")
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        pl.when(kind.is_not_null()).then("entity").alias("entity"),
        kind.alias("kind"),
    )
    frame, aside = readings.with_entity(records, frame)
    parts = [
        readings.to_events(records, part, _FIELDS[str(name)], "host")
        for (name,), part in frame.partition_by("kind", as_dict=True).items()
    ]
    quarantined = [records.unreadable, *aside, *(part.quarantined for part in parts)]
    return Events(
        samples=pl.concat([empty(SAMPLES), *(part.samples for part in parts)]),
        quarantined=gather(quarantined),
    )
