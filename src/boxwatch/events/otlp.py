"""What was received by OpenTelemetry: log records, and data points of metrics that are known.

The data models: https://opentelemetry.io/docs/specs/otel/logs/data-model/ and
https://opentelemetry.io/docs/specs/otel/metrics/data-model/
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
import polars as pl

from boxwatch.events import attributes, identity, instants, severity
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.model_servers import NAMES, Reading, recognised
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SAMPLES, Events, Schema, check, empty

COLUMNS: Final = (
    *("host", "received_at", "what", "time", "severity_number", "severity_text", "message"),
    *("trace_id", "span_id", "scope", "event_name", "service", "container_name", "container_id"),
    *("attributes", "resource", "name", "value"),
)
# Where points say which state, direction or part they are about, in old and new conventions.
_STATES: Final = (
    *("state", "cpu.mode", "system.memory.state", "system.paging.state", "direction", "status"),
    *("disk.io.direction", "network.io.direction", "system.filesystem.state"),
    *("system.process.status", "process.state"),
)
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "disk": ("device", "system.device"),
    "fs": ("mountpoint", "system.filesystem.mountpoint"),
    "net": ("device", "network.interface.name"),
    "gpu": ("gpu", "hw.id", "index"),
}
_NOT_TOLD: Final = "a data point of a metric that is not known, or without what it is about"
_KNOWN: Final[Schema] = {
    **dict.fromkeys(("name", "state", "kind", "metric"), pl.String()),
    "factor": pl.Float64(),
}


@cache
def _known() -> pl.DataFrame:
    """What is known of each name and state of a metric; read when the first is asked for."""
    table = tomllib.loads(files(__package__).joinpath("otlp_metrics.toml").read_text("utf-8"))
    return pl.DataFrame(table["metrics"], schema=dict(_KNOWN), orient="row", strict=False)


@cache
def _states() -> Mapping[str, frozenset[str]]:
    """By name of a metric that is known, the states of it that are."""
    by_name = _known().group_by("name")
    return {str(name): frozenset(rows["state"]) for (name,), rows in by_name}


def of_use(name: str, told: Mapping[str, Any]) -> bool:
    """True if a data point of this name and with these attributes becomes a sample."""
    if name in NAMES:
        return True
    states = _states().get(name)
    return states is not None and ("" in states or _state(told) in states)


def normalise(records: Records) -> Events:
    """The log rows and samples of what was received."""
    frame = records.frame.with_columns(
        pl.col("host").fill_null(records.chunk.host),
        pl.coalesce(
            instants.from_epoch_nanos(pl.when(pl.col("time") != "0").then("time")),
            instants.from_written(pl.col("received_at")),
        ).alias("time"),
    )
    logs = _logs(records, frame.filter(pl.col("what") == "log"))
    points = frame.filter(pl.col("what") == "metric")
    samples, used = _samples(points)
    lost = [row for row in points["row"].to_list() if row not in used]
    strange = frame.filter(~pl.col("what").is_in(["log", "metric"]).fill_null(value=False))
    aside = [
        logs.quarantined,
        records.set_aside(lost, _NOT_TOLD),
        records.set_aside(strange["row"].to_list(), "neither a log record nor a data point"),
    ]
    return Events(logs.logs, samples, gather(aside))


def _logs(records: Records, frame: pl.DataFrame) -> Events:
    number = pl.col("severity_number").cast(pl.Int64, strict=False)
    said = severity.severity_of(frame["message"].fill_null(""))
    level = pl.when(number.is_between(1, 24)).then(number.cast(pl.UInt8, strict=False))
    extras: dict[int, dict[str, Any]] = {}
    for row, (more, resource) in enumerate(frame.select("attributes", "resource").iter_rows()):
        told = {"attributes": _object(more), "resource": _object(resource)}
        extras[row] = {key: value for key, value in told.items() if value}
    identifying = ["host", "service", "scope", "message", "trace_id", "span_id", "attributes"]
    draft = frame.select(
        "row",
        "time",
        "host",
        pl.lit("app").alias("source"),
        pl.lit("otlp").alias("subtype"),
        pl.coalesce(level, severity.from_word(pl.col("severity_text")), pl.lit(said)).alias(
            "severity"
        ),
        pl.col("service").alias("unit"),
        "container_name",
        "container_id",
        pl.when(pl.col("message").fill_null("") == "")
        .then(pl.coalesce("event_name", "message"))
        .otherwise("message")
        .alias("message"),
        identity.of(frame, [pl.col("time").cast(pl.Int64), *identifying]),
        attributes.as_json(
            frame, {name: name for name in ("trace_id", "span_id", "scope", "event_name")}
        )
        if frame.height
        else missing().alias("attributes"),
    )
    return log_events(records, draft, {row: extra for row, extra in extras.items() if extra})


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = orjson.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _samples(points: pl.DataFrame) -> tuple[pl.DataFrame, set[int]]:
    """The samples of `points`, and the rows that are in them."""
    if points.is_empty():
        return empty(SAMPLES), set()
    told = [_object(text) for text in points["attributes"]]
    states = [_state(one) for one in told]
    value = pl.col("value").cast(pl.Float64, strict=False)
    wide = points.with_columns(
        pl.Series("state", states, dtype=pl.String),
        *(
            pl.Series(kind, [_part(one, keys) for one in told], dtype=pl.String)
            for kind, keys in _PARTS.items()
        ),
        pl.when(value.is_finite()).then(value).alias("number"),
    ).filter(pl.col("time").is_not_null())
    hardware, rows = _of_hardware(wide)
    servers, more = _of_servers(wide, dict(zip(points["row"], told, strict=True)))
    samples = pl.concat([hardware, servers])
    return check(samples, SAMPLES, "samples from otlp"), rows | more


def _state(told: Mapping[str, Any]) -> str:
    return next((str(told[key]) for key in _STATES if key in told), "")


def _part(told: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    part = next((str(told[key]) for key in keys if told.get(key) not in (None, "")), None)
    return None if part is None else part[:200]


def _of_hardware(wide: pl.DataFrame) -> tuple[pl.DataFrame, set[int]]:
    part = pl.coalesce(*(pl.when(pl.col("kind") == kind).then(kind) for kind in _PARTS))
    joined = (
        wide.join(_known(), on="name", how="inner", suffix=":known")
        .filter((pl.col("state:known") == "") | (pl.col("state:known") == pl.col("state")))
        .with_columns(
            pl.when(pl.col("kind") == "host")
            .then(pl.lit("host"))
            .otherwise(pl.concat_str("kind", pl.lit(":"), part))
            .alias("entity")
        )
        .filter(pl.col("entity").is_not_null())
    )
    unknown = pl.col("number").is_null().any()
    samples = joined.group_by("time", "host", "entity", "metric", maintain_order=True).agg(
        pl.when(~unknown).then((pl.col("number") * pl.col("factor")).sum()).alias("value"),
        pl.when(unknown).then(pl.col("value").first()).alias("reason"),
    )
    samples = samples.with_columns(pl.lit("app").alias("source")).select(list(SAMPLES))
    return samples, set(joined["row"])


def _of_servers(
    wide: pl.DataFrame, told: Mapping[int, Mapping[str, Any]]
) -> tuple[pl.DataFrame, set[int]]:
    """What model servers say, scraped by a collector: by their own names, as at their endpoints."""
    mine = wide.filter(pl.col("name").is_in(list(NAMES)), pl.col("service").is_not_null())
    rows = []
    for (time, host, service), group in mine.partition_by(
        "time", "host", "service", as_dict=True, maintain_order=True
    ).items():
        readings = [
            Reading(name, {k: str(v) for k, v in told[row].items()}, _or_nan(number))
            for row, name, number in group.select("row", "name", "number").iter_rows()
        ]
        for metric, value in recognised(readings)[1].items():
            known = value == value  # noqa: PLR0124 - NaN is unknown
            reason = None if known else "it is no number"
            entity = f"service:{service}"
            rows.append((time, host, "app", entity, metric, value if known else None, reason))
    samples = pl.DataFrame(rows, schema=dict(SAMPLES), orient="row") if rows else empty(SAMPLES)
    return samples, set(mine["row"])


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
