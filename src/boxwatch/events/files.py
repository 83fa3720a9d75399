"""Lines of plain log files: whatever time, level and form the program gave them."""

from __future__ import annotations

from typing import Any, Final

import orjson
import polars as pl

from boxwatch.events import attributes, identity, instants, line_times, severity
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records, as_text
from boxwatch.events.schema import Events

COLUMNS: Final = ("host", "path", "inode", "offset", "read_at", "message", "unit")

_ATTRIBUTES: Final = {"path": "path", "inode": "inode", "offset": "offset"}
_MESSAGE_KEYS: Final = ("message", "msg", "log")
_TIME_KEYS: Final = ("time", "timestamp", "ts", "@timestamp", "t")
_LEVEL_KEYS: Final = ("level", "severity", "lvl", "levelname", "loglevel")


def normalise(records: Records) -> Events:
    """The log rows of file lines.

    The time is the one at the head of the line, else when it was read. A line that is a JSON object
    gives its message, time and level by their usual keys, and keeps all keys in the attributes.
    Identity is host, path, inode, offset and text: a file that is truncated and written again
    repeats offsets. `unit` is the file's name unless the record names one.
    """
    frame = records.frame.with_columns(
        pl.col("host").fill_null(records.chunk.host),
        pl.col("message").fill_null(""),
        instants.from_written(pl.col("read_at")).alias("read_at"),
    )
    ids = identity.of(frame, ["host", "path", "inode", "offset", "message"])
    stated = line_times.from_head(frame["message"], frame["read_at"])
    frame = frame.with_columns(
        stated.alias("stated"), severity.severity_of(frame["message"]).alias("severity")
    )
    frame, extras = _opened(frame)
    draft = frame.select(
        "row",
        pl.coalesce("stated", "read_at").alias("time"),
        "host",
        pl.lit("file").alias("source"),
        pl.lit("line").alias("subtype"),
        "severity",
        pl.coalesce("unit", pl.col("path").str.extract(r"([^/]+)/*$")).alias("unit"),
        missing().alias("container_name"),
        missing().alias("container_id"),
        "message",
        ids,
        attributes.as_json(frame, _ATTRIBUTES),
    )
    return log_events(records, draft, extras)


def _opened(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, dict[str, Any]]]:
    """`frame` with the JSON lines opened, and their keys by row."""
    message = pl.col("message")
    candidates = message.str.starts_with("{") & message.str.ends_with("}")
    rows = frame.select(candidates.alias("json"))["json"].arg_true().to_list()
    extras: dict[int, dict[str, Any]] = {}
    found: dict[int, tuple[str | None, ...]] = {}
    for row in rows:
        line = frame["message"][row]
        try:
            fields = orjson.loads(line)
            found[row] = tuple(_first(fields, k) for k in (_MESSAGE_KEYS, _TIME_KEYS, _LEVEL_KEYS))
        except ValueError:
            continue  # not JSON after all: the line stays a line
        extras[row] = {"fields": orjson.Fragment(line)}
    if not found:
        return frame, {}
    schema = dict.fromkeys(("text", "when", "level"), pl.String())
    said = pl.DataFrame(list(found.values()), schema=schema, orient="row")
    said = said.with_columns(pl.Series("row", list(found), dtype=frame["row"].dtype))
    opened = frame.join(said, on="row", how="left", maintain_order="left").with_columns(
        pl.coalesce("text", "message").alias("message"),
        pl.coalesce(instants.from_written(pl.col("when")), "stated").alias("stated"),
        pl.coalesce(severity.from_word(pl.col("level")), "severity").alias("severity"),
    )
    return opened, extras


def _first(fields: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((as_text(fields[key]) for key in keys if fields.get(key) is not None), None)
