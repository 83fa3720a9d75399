"""What a source has to say about what it reads.

Records that are lost, a system that restarted, a clock that jumped.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import identity, instants
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SOURCES, Events

GAP: Final = "gap"
RESTART: Final = "system restart"
CLOCK_JUMP: Final = "clock jump"
NOTICES: Final = (GAP, RESTART, CLOCK_JUMP)

COLUMNS: Final = (
    "host",
    "time",
    "source",
    "notice",
    "severity",
    "message",
    "identity",
    "details",
)


def normalise(records: Records) -> Events:
    """A log row for each notice; its subtype says which one it is.

    The id is that of host, source, notice and identity: what is found again after a restart of
    ours is the same row.
    """
    frame = records.frame.with_columns(pl.col("host").fill_null(records.chunk.host))
    known = pl.col("source").is_in(SOURCES) & pl.col("notice").is_in(NOTICES)
    known = known.fill_null(value=False)
    strange = frame.filter(~known)["row"].to_list()
    aside = records.set_aside(strange, "its source or its notice is none that is known")
    frame = frame.filter(known)
    number = pl.col("severity").cast(pl.UInt8, strict=False)
    draft = frame.select(
        "row",
        instants.from_written(pl.col("time")).alias("time"),
        "host",
        "source",
        pl.col("notice").alias("subtype"),
        pl.when(number.is_between(1, 24)).then(number).alias("severity"),
        pl.lit("boxwatch").alias("unit"),
        missing().alias("container_name"),
        missing().alias("container_id"),
        "message",
        identity.of(frame, ["host", "source", "notice", "identity"]),
        pl.when(pl.col("details").str.starts_with("{")).then("details").alias("attributes"),
    )
    events = log_events(records, draft)
    return Events(events.logs, events.samples, gather([events.quarantined, aside]))
