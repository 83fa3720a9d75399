"""journald records, as `journalctl -o json` prints them.

Field meanings: systemd.journal-fields(7). JSON form: a field with bytes that are not UTF-8 or not
printable is an array of numbers, one that is too large is null, one that occurs more than once is
an array of values (https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from boxwatch.events import attributes, identity, instants, severity
from boxwatch.events.alike import Alike, filled, recurring
from boxwatch.events.drafts import log_events
from boxwatch.events.ndjson import Records
from boxwatch.events.partial import join_parts
from boxwatch.events.schema import Events

_ATTRIBUTES: Final[Mapping[str, str]] = {
    "_PID": "pid",
    "_COMM": "comm",
    "_EXE": "exe",
    "_UID": "uid",
    "_BOOT_ID": "boot_id",
    "_MACHINE_ID": "machine_id",
    "_HOSTNAME": "hostname",
    "_TRANSPORT": "transport",
    "_SOURCE_REALTIME_TIMESTAMP": "source_time_us",
    "SYSLOG_IDENTIFIER": "identifier",
    "MESSAGE_ID": "message_id",
    "_SYSTEMD_INVOCATION_ID": "sender_invocation_id",
    "INVOCATION_ID": "invocation_id",
    "EXIT_CODE": "exit_code",
    "EXIT_STATUS": "exit_status",
    "UNIT_RESULT": "unit_result",
    "IMAGE_NAME": "image",
    "CONTAINER_TAG": "container_tag",
    "_KERNEL_SUBSYSTEM": "kernel_subsystem",
    "_KERNEL_DEVICE": "kernel_device",
}

COLUMNS: Final = (
    "host",
    "__CURSOR",
    "__REALTIME_TIMESTAMP",
    "__MONOTONIC_TIMESTAMP",
    "PRIORITY",
    "UNIT",
    "USER_UNIT",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "CONTAINER_NAME",
    "CONTAINER_ID_FULL",
    "CONTAINER_PARTIAL_MESSAGE",
    "MESSAGE",
    *_ATTRIBUTES,
)

FIELDS: Final = tuple(column for column in COLUMNS if column.isupper())
"""What to ask journalctl for: every column but those the collector adds."""

# Set by journald itself, once an entry, in digits and words: never bytes, never repeated.
_SINGLE: Final = frozenset(
    {
        "host",
        "__CURSOR",
        "__REALTIME_TIMESTAMP",
        "__MONOTONIC_TIMESTAMP",
        "_BOOT_ID",
        "_MACHINE_ID",
        "_PID",
        "_UID",
        "_TRANSPORT",
        "_SOURCE_REALTIME_TIMESTAMP",
        "_SYSTEMD_INVOCATION_ID",
    }
)
# What a row of the table is worked out of, beside time, message and identity.
_TOLD_BY: Final = (
    "host",
    "PRIORITY",
    "UNIT",
    "USER_UNIT",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "SYSLOG_IDENTIFIER",
    "CONTAINER_NAME",
    "CONTAINER_ID_FULL",
    "_TRANSPORT",
    "_HOSTNAME",
    "_PID",
    "_COMM",
)
_OPEN: Final = tuple(column for column in COLUMNS if column not in _SINGLE)

_TIME: Final = instants.from_epoch_micros(pl.col("__REALTIME_TIMESTAMP")).alias("time")

# The unit a record is about: for what systemd says about a unit, that unit.
_ABOUT: Final = pl.coalesce("UNIT", "USER_UNIT")
# A unit of a person's own manager; _SYSTEMD_UNIT is then that manager.
_OWN: Final = pl.coalesce("_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT", _ABOUT, "SYSLOG_IDENTIFIER")
_BY_SYSTEMD: Final = (pl.col("_COMM") == "systemd") | (pl.col("_PID") == "1")
_KERNEL: Final = pl.col("_TRANSPORT") == "kernel"

# What all records of a process have in common, beside its host.
_TOLD: Final = (
    pl.when(_KERNEL).then(pl.lit("kernel")).otherwise(pl.lit("systemd")).alias("source"),
    pl.lit("journal").alias("subtype"),
    pl.when(_BY_SYSTEMD & _ABOUT.is_not_null()).then(_ABOUT).otherwise(_OWN).alias("unit"),
    pl.col("CONTAINER_NAME").alias("container_name"),
    pl.col("CONTAINER_ID_FULL").alias("container_id"),
)

# What a unit's or a container's output is given for a level, and what says more than that level.
_PRINTED: Final = (pl.col("_TRANSPORT") == "stdout") & (pl.col("PRIORITY") == "6")
_CONTAINED: Final = (
    pl.col("CONTAINER_ID_FULL").is_not_null() & pl.col("PRIORITY").is_in(["3", "6"])
).fill_null(value=False)
_LEVEL: Final = severity.from_priority(pl.col("PRIORITY"))
_GIVEN: Final = pl.when(~_CONTAINED).then(_LEVEL).alias("severity")
_STATES: Final = (_PRINTED | _CONTAINED).fill_null(value=False).alias("states")
_BEGINS: Final = rf"(?:^|{identity.SEPARATOR})\["

# What the machine calls itself, where that is not the host's name here.
_OTHER_NAME: Final = (
    pl.when(pl.col("_HOSTNAME") != pl.col("host")).then(pl.col("_HOSTNAME")).alias("_HOSTNAME")
)


def normalise(records: Records) -> Events:
    """The log rows of journald records.

    The host is a `host` field that the collector added, else `_HOSTNAME`, else the chunk's. A
    journal may gather the entries of many machines: a name that is another one is an attribute.
    Identity is `__CURSOR`, else boot, monotonic time and message.
    """
    frame, alike, extras = _settled(records)
    host = pl.coalesce("host", "_HOSTNAME", pl.lit(records.chunk.host)).alias("host")
    told = alike.spread(alike.rows.select(host, *_TOLD, _GIVEN, _STATES))
    draft = frame.select(
        "row",
        _TIME,
        _severity(frame["MESSAGE"], told),
        pl.col("MESSAGE").alias("message"),
        _identity(frame),
        attributes.as_json(frame, _ATTRIBUTES, alike.telling(_OTHER_NAME)),
    ).hstack(told.drop("severity", "states"))
    if "CONTAINER_PARTIAL_MESSAGE" in filled(frame):
        unfinished = frame["CONTAINER_PARTIAL_MESSAGE"].eq("true").fill_null(value=False)
        draft = draft.with_columns(frame["PRIORITY"].alias("stream"))
        draft, extras = join_parts(draft, unfinished, ("container_id", "stream"), extras)
    return log_events(records, draft, extras)


def _severity(messages: pl.Series, told: pl.DataFrame) -> pl.Series:
    """The priority; for what a unit prints, what the line says of itself where it says something.

    systemd gives every line a unit writes to its output the same level (SyslogLevel=, info unless
    set; systemd.exec(5)): it says nothing about the line. Docker's journald driver gives a level to
    each of the two streams, and a stream is not a severity: what a container prints has the one it
    states, or none.
    """
    given, states = told["severity"], told["states"]
    if not states.any():
        return given
    said = severity.severity_of(messages.filter(states))
    return given.scatter(states.arg_true(), said.fill_null(given.filter(states)))


def _identity(frame: pl.DataFrame) -> pl.Series:
    cursors = frame["__CURSOR"]
    if not cursors.null_count():
        return identity.digest(cursors)
    fallback = identity.joined(["_BOOT_ID", "__MONOTONIC_TIMESTAMP", "MESSAGE"])
    text = frame.select(pl.coalesce("__CURSOR", fallback).alias("identity"))
    return identity.digest(text["identity"])


def _alike(frame: pl.DataFrame) -> Alike:
    others = [name for name in _ATTRIBUTES if name not in _TOLD_BY]
    return Alike(frame, [*_TOLD_BY, *recurring(frame, others)])


def _settled(records: Records) -> tuple[pl.DataFrame, Alike, dict[int, dict[str, Any]]]:
    """The frame with arrays and nulls resolved, and what was unusual about those rows.

    As text, an array cannot be told from a string that looks like one, nor null from absent; so
    those few rows are read again, exactly.
    """
    frame = records.frame
    alike = _alike(frame)
    doubtful = frame["MESSAGE"].is_null()
    own = frame.select(name for name in _OPEN if name not in alike.columns)
    begun = own.select(pl.all().str.starts_with("[").any()).row(0, named=True)
    for name in (name for name, any_begins in begun.items() if any_begins):
        doubtful |= _bracketed(frame[name])
    shared = _any_begins(alike.rows.select(name for name in _OPEN if name in alike.columns))
    if shared.any():
        doubtful |= alike.spread_one(shared)
    rows = doubtful.arg_true().to_list()
    if not rows:
        return frame, alike, {}
    extras: dict[int, dict[str, Any]] = {}
    changed: dict[str, dict[int, str | None]] = {}
    for row in rows:
        fields = records.fields(row)
        for column, value in fields.items():
            if isinstance(value, list) and column in _OPEN:
                values = _values(value)
                changed.setdefault(column, {})[row] = values[0] if values else None
                if len(values) > 1:
                    extras.setdefault(row, {}).setdefault("repeated", {})[column] = values
        if fields.get("MESSAGE") is None:
            extras.setdefault(row, {})["message"] = _why_null(fields)
    settled = [
        frame[column].scatter(list(texts), list(texts.values()))
        for column, texts in changed.items()
    ]
    frame = frame.with_columns(settled)
    return frame, alike if alike.columns.isdisjoint(changed) else _alike(frame), extras


def _bracketed(texts: pl.Series) -> pl.Series:
    """Which of `texts` look like an array; for null that is unknown."""
    begun = texts.str.starts_with("[")
    return begun.scatter(begun.arg_true(), texts.filter(begun).str.ends_with("]"))


def _any_begins(table: pl.DataFrame) -> pl.Series:
    """In which rows some text may be an array, by how it begins."""
    texts = pl.concat_str(pl.all(), separator=identity.SEPARATOR, ignore_nulls=True)
    return table.select(texts.str.contains(_BEGINS)).to_series()


def _why_null(fields: Mapping[str, Any]) -> str:
    return "too large for the journal reader" if "MESSAGE" in fields else "absent"


def _values(value: list[Any]) -> list[str]:
    """The values of an array field: one if it is bytes, else each of its elements."""
    if value and all(type(item) is int and 0 <= item < 256 for item in value):
        return [bytes(value).decode("utf-8", "replace")]
    return [
        text
        for item in value
        for text in (_values(item) if isinstance(item, list) else [str(item)])
    ]
