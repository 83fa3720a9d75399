"""The tables that enter Boxwatch, and the records they travel in.

Two tables: `logs` (one row = one line or discrete occurrence) and `samples` (one row = one reading
of one metric). A value that could not be read is null with a reason, never absent and never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import polars as pl

from boxwatch.errors import SchemaError

Schema = Mapping[str, pl.DataType]

TIME: Final = pl.Datetime("us", "UTC")

LOGS: Final[Schema] = {
    "time": TIME,
    "host": pl.String(),
    "source": pl.String(),  # one of SOURCES
    "subtype": pl.String(),  # what within the source: journal, stdout, stderr, event, ...
    "severity": pl.UInt8(),  # OpenTelemetry severity number, 1-24; null = unknown
    "unit": pl.String(),  # systemd unit, or the syslog identifier where there is none
    "container_name": pl.String(),
    "container_id": pl.String(),  # full id where the origin gives it
    "message": pl.String(),
    "event_id": pl.UInt64(),  # stable hash of what identifies the record at its origin
    "attributes": pl.String(),  # a JSON object with what else the origin said, or null
}

SAMPLES: Final[Schema] = {
    "time": TIME,
    "host": pl.String(),
    "source": pl.String(),
    "entity": pl.String(),  # host, gpu:0, disk:nvme0n1, fs:/, net:eth0, sensor:cpu, source:gpu
    "metric": pl.String(),  # one of events.metrics.METRICS; the name carries the unit
    "value": pl.Float64(),  # null = unknown
    "reason": pl.String(),  # why the value is null; null where it is known
}

QUARANTINE: Final[Schema] = {
    "time": TIME,  # when it was set aside
    "kind": pl.String(),
    "origin": pl.String(),  # where it came from: a file with its offset, or a stream
    "reason": pl.String(),
    "record": pl.String(),  # the record itself; bytes that are not UTF-8 are escaped as \xNN
}

SOURCES: Final = ("systemd", "docker", "gpu", "host", "kernel", "file", "app")

# What a raw chunk can hold: kind -> (folder under ingested/, file name prefix).
RAW_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "systemd": ("systemd", "systemd_logs"),
    "docker": ("docker", "docker_logs"),
    "docker_events": ("docker", "docker_events"),
    "gpu": ("gpu", "gpu_metrics"),
    "gpu_events": ("gpu", "gpu_events"),
    "host": ("host", "host_metrics"),
    "kernel": ("kernel", "kernel_logs"),
    "file": ("file", "file_logs"),
    "service": ("service", "service_metrics"),
    "otlp": ("otlp", "otlp_records"),
    "notice": ("status", "source_notices"),
    "status": ("status", "source_status"),
}


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of `schema` without rows."""
    return pl.DataFrame(schema=dict(schema))


def check(frame: pl.DataFrame, schema: Schema, door: str) -> pl.DataFrame:
    """`frame` with exactly the columns of `schema`, in its order.

    Raises:
        SchemaError: a column is missing or of another type; names the column and the `door`.

    """
    found = dict(frame.schema)
    for name, dtype in schema.items():
        if name not in found:
            raise SchemaError(f"{door}: column {name!r} is missing; the table has {list(found)!r}.")
        if found[name] != dtype:
            raise SchemaError(f"{door}: column {name!r} is {found[name]!r}, must be {dtype!r}.")
    return frame if list(found) == list(schema) else frame.select(list(schema))


# Cloned where needed: building an empty table costs a hundred times as much.
_NO_LOGS: Final = empty(LOGS)
_NO_SAMPLES: Final = empty(SAMPLES)
_NO_QUARANTINE: Final = empty(QUARANTINE)


class Unprinted(Protocol):
    """Records that are lines only for those who ask: a table of them is made without.

    Each record is one line and one row, and names its host.
    """

    @property
    def lines(self) -> bytes:
        """The records as NDJSON lines."""
        ...

    def line(self, row: int) -> bytes:
        """The line of one record, without its newline."""
        ...

    def frame(self, columns: Sequence[str]) -> pl.DataFrame:
        """The fields `columns` as text: exactly what is read from `lines`."""
        ...

    def __len__(self) -> int:
        """Bytes that they take; those of the lines are about as many."""
        ...


@dataclass(frozen=True, slots=True)
class RawChunk:
    """What a source hands over: records of one kind, exactly as collected.

    `content` is zero or more JSON objects, each ended by a newline, or what prints them when
    somebody asks for `lines`. `origin` says where they came from (for quarantine); `host` is the
    name used where the records do not carry their own.
    """

    kind: str
    content: bytes | Unprinted
    host: str
    origin: str

    @property
    def lines(self) -> bytes:
        """The records as whole NDJSON lines."""
        return self.content if isinstance(self.content, bytes) else self.content.lines

    @property
    def size(self) -> int:
        """Bytes of the records, whether they are lines or not."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Events:
    """Normalised records: what every later stage sees."""

    logs: pl.DataFrame = field(default_factory=_NO_LOGS.clone)
    samples: pl.DataFrame = field(default_factory=_NO_SAMPLES.clone)
    quarantined: pl.DataFrame = field(default_factory=_NO_QUARANTINE.clone)

    @property
    def rows(self) -> int:
        """Rows in `logs` and `samples` together."""
        return self.logs.height + self.samples.height


def concat(parts: list[Events]) -> Events:
    """All rows of `parts`, in order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Events()
    return Events(
        logs=pl.concat([part.logs for part in parts], rechunk=True),
        samples=pl.concat([part.samples for part in parts], rechunk=True),
        quarantined=pl.concat([part.quarantined for part in parts]),
    )
