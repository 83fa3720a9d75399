"""Kernel log records, as read from /dev/kmsg or from `dmesg`.

Record form: https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg
"""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import attributes, identity, instants, severity
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records
from boxwatch.events.schema import Events

_ATTRIBUTES: Final = {
    "sequence": "sequence",
    "facility": "facility",
    "boot_id": "boot_id",
    "subsystem": "subsystem",
    "device": "device",
}

COLUMNS: Final = ("host", "timestamp", "priority", "message", *_ATTRIBUTES)


def normalise(records: Records) -> Events:
    """The log rows of kernel records.

    Identity is host, boot, sequence number and message. Where the boot is not given, the time takes
    its place: sequence numbers begin again at every boot, with much the same messages.
    Where there is no sequence number, equal records are numbered.
    """
    frame = records.frame.with_columns(pl.col("host").fill_null(records.chunk.host))
    boot = pl.coalesce("boot_id", "timestamp")
    ids = identity.of(frame, ["host", boot, "sequence", "message"])
    if frame["sequence"].null_count():
        ids = identity.told_apart(ids)
    # kmsg prefixes facility * 8 + level; a bare level reads the same.
    number = pl.col("priority").cast(pl.Int64, strict=False)
    level = pl.when(number.is_between(0, 1023)).then(number % 8).cast(pl.String)
    draft = frame.select(
        "row",
        instants.from_written(pl.col("timestamp")).alias("time"),
        "host",
        pl.lit("kernel").alias("source"),
        pl.lit("kmsg").alias("subtype"),
        severity.from_priority(level).alias("severity"),
        pl.lit("kernel").alias("unit"),
        missing().alias("container_name"),
        missing().alias("container_id"),
        "message",
        ids,
        attributes.as_json(frame, _ATTRIBUTES),
    )
    return log_events(records, draft)
