"""Container log lines, and what the container engine reports about containers.

Lines: one object with the nanosecond time that the engine stamped. Events: as
`docker events --format '{{json .}}'` prints them
(https://docs.docker.com/reference/cli/docker/system/events/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import polars as pl

from boxwatch.events import identity, instants, severity
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records, as_text
from boxwatch.events.partial import join_parts
from boxwatch.events.schema import Events, concat

LINE_COLUMNS: Final = (
    "host",
    "container_id",
    "container_name",
    "stream",
    "timestamp",
    "message",
    "partial",
)
EVENT_COLUMNS: Final = ("host", "timeNano", "time")

# What the message of an event repeats.
_DETAILS: Final = ("exitCode", "signal", "oomKilled", "restartCount", "error", "reason")
_BAD: Final = ("unhealthy", "dead", "log unreadable", "events missing")  # how an action ends


def normalise_lines(records: Records) -> Events:
    """The log rows of container lines, in the order of their nanosecond times.

    Identity is host, container, nanosecond time, stream and text; equal lines of one nanosecond are
    numbered. Severity is what the text states, else null: a stream is not a severity.
    """
    frame = _by_nanosecond(records.frame)
    messages = frame["message"].fill_null("")
    ids = identity.of(frame, ["host", "container_id", "timestamp", "stream", "message"])
    draft = frame.select(
        "row",
        instants.from_rfc3339(pl.col("timestamp")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        pl.lit("docker").alias("source"),
        pl.col("stream").alias("subtype"),
        severity.severity_of(messages),
        missing().alias("unit"),
        "container_name",
        "container_id",
        messages.alias("message"),
        identity.told_apart(ids),
        missing().alias("attributes"),
    )
    unfinished = frame["partial"].eq("true").fill_null(value=False)
    draft, extras = join_parts(draft, unfinished, ("container_id", "subtype"))
    return log_events(records, draft, extras)


def _by_nanosecond(frame: pl.DataFrame) -> pl.DataFrame:
    nanos = pl.col("timestamp").str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)
    order = frame.select(nanos.alias("nanos"))["nanos"]
    if order.null_count() or order.is_sorted():
        return frame
    return frame.with_columns(order).sort("nanos", maintain_order=True).drop("nanos")


def normalise_events(records: Records) -> Events:
    """The log rows of engine events: subtype `event`, message like `container die exitCode=137`.

    Our own among them (`state: …`, `log unreadable`, `events missing`) are of the same form.

    Identity is host, nanosecond time, type, action and actor. The engine gives no severity; it is
    error for `oom`, warning for `unhealthy` and for an exit that was not clean, else information.
    """
    frame, strange = _events(records)
    ids = identity.of(frame, ["host", "timeNano", "time", "type", "action", "actor"])
    of_container = pl.col("type") == "container"
    draft = frame.select(
        "row",
        pl.coalesce(
            instants.from_epoch_nanos(pl.col("timeNano")), instants.from_written(pl.col("time"))
        ).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        pl.lit("docker").alias("source"),
        pl.lit("event").alias("subtype"),
        pl.col("level").cast(pl.UInt8).alias("severity"),
        missing().alias("unit"),
        pl.when(of_container).then("name").alias("container_name"),
        pl.when(of_container).then("actor").alias("container_id"),
        "message",
        ids,
        "attributes",
    )
    read = log_events(records, draft)
    return concat([read, Events(quarantined=strange)])


def _events(records: Records) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records with what each says, and those that cannot be told, as quarantine rows."""
    told: list[tuple[int, *tuple[str | None, ...]]] = []
    strange: list[int] = []
    for row in range(records.frame.height):
        try:
            told.append((row, *_event(records.fields(row))))
        except ValueError:
            strange.append(row)
    schema = {"row": records.frame.schema["row"], **dict.fromkeys(_EVENT_FIELDS, pl.String())}
    frame = records.frame.join(
        pl.DataFrame(told, schema=schema, orient="row"), on="row", maintain_order="left"
    )
    return frame, records.set_aside(strange, "nested too deeply")


_EVENT_FIELDS: Final = ("type", "action", "actor", "name", "level", "message", "attributes")


def _event(fields: Mapping[str, Any]) -> tuple[str | None, ...]:
    kind = as_text(fields.get("Type")) or "container"
    action = as_text(fields.get("Action")) or as_text(fields.get("status")) or "unknown"
    actor = fields.get("Actor")
    actor = actor if isinstance(actor, dict) else {}
    details = actor.get("Attributes")
    details = details if isinstance(details, dict) else {}
    identifier = as_text(actor.get("ID")) or as_text(fields.get("id"))
    said = [f"{name}={as_text(details[name])}" for name in _DETAILS if name in details]
    text = {key: as_text(value) for key, value in details.items() if value is not None}
    return (
        kind,
        action,
        identifier,
        as_text(details.get("name")),
        _level(action, details),
        " ".join([kind, action, *said]),
        orjson.dumps({"type": kind, "action": action, **text}).decode(),
    )


def _level(action: str, details: Mapping[str, Any]) -> str:
    if action == "oom":
        return "17"
    unclean = action == "die" and str(details.get("exitCode", "0")) != "0"
    return "13" if unclean or action.endswith(_BAD) else "9"
