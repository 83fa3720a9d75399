"""Wide readings to samples: one record with many fields becomes one row a metric.

The same way for everything that is measured: text columns in, `SAMPLES` out. A field that is not a
number is unknown, and what stands there is the reason; a field that is absent or null gives no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from boxwatch.events.drafts import with_time
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SAMPLES, Events, check, empty

Parser = Callable[[pl.Series], pl.Series]

_INDEX = ["time", "host", "entity"]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a metric is read: `columns` in order of preference, times `factor` to base units."""

    metric: str
    columns: Sequence[str]
    parse: Parser
    factor: float = 1.0


def number(texts: pl.Series) -> pl.Series:
    """Numbers written in text, with or without a unit after them; null for anything else."""
    values = texts.cast(pl.Float64, strict=False)
    if values.null_count() > texts.null_count():
        bare = texts.str.extract(r"^\s*([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)\s*[A-Za-z%/]*\s*$")
        values = values.fill_null(bare.cast(pl.Float64, strict=False))
    if values.is_finite().all():
        return values
    table = pl.DataFrame({"value": values})
    return table.select(pl.when(pl.col("value").is_finite()).then("value"))["value"]


def to_events(
    records: Records, frame: pl.DataFrame, fields: Sequence[Field], source: str
) -> Events:
    """The samples in `frame`, which has `row`, `time`, `host`, `entity` and the text columns.

    Rows without a time or an entity, or without any field that is known, go to quarantine.
    """
    frame, timeless = with_time(records, frame)
    nameless = frame.filter(pl.col("entity").is_null())["row"].to_list()
    frame = frame.filter(pl.col("entity").is_not_null())
    columns = [name for field in fields for name in field.columns]
    said = [name for name in dict.fromkeys(columns) if frame[name].null_count() < frame.height]
    silent = frame.filter(pl.all_horizontal(pl.col(said).is_null())) if said else frame
    samples = _samples(frame, fields, set(said), source) if said else empty(SAMPLES)
    quarantined = [
        timeless,
        records.set_aside(nameless, "no entity that is known"),
        records.set_aside(silent["row"].to_list(), "no metric that is known"),
    ]
    return Events(samples=check(samples, SAMPLES, source), quarantined=gather(quarantined))


def _samples(
    frame: pl.DataFrame, fields: Sequence[Field], said: set[str], source: str
) -> pl.DataFrame:
    values: list[pl.Series] = []
    reasons: list[pl.Series] = []
    for field in fields:
        columns = [name for name in field.columns if name in said]
        if columns:
            value, reason = _read(frame.select(columns), field)
            values.append(value)
            reasons.append(reason)
    index = frame.select(_INDEX)
    long = _unpivoted(index, values, "value")
    told = _unpivoted(index, reasons, "reason")["reason"]
    known = pl.col("value").is_not_null() | pl.col("reason").is_not_null()
    return (
        long.with_columns(told, pl.lit(source).alias("source")).filter(known).select(list(SAMPLES))
    )


def _unpivoted(index: pl.DataFrame, columns: list[pl.Series], name: str) -> pl.DataFrame:
    table = index.hstack(columns)
    return table.unpivot(index=_INDEX, variable_name="metric", value_name=name)


def _read(texts: pl.DataFrame, field: Field) -> tuple[pl.Series, pl.Series]:
    """The value of `field` from the first of its columns that has one, and why it is null."""
    parsed = [field.parse(texts[name]) * field.factor for name in texts.columns]
    table = pl.DataFrame([series.alias(str(place)) for place, series in enumerate(parsed)])
    value = table.select(pl.coalesce(pl.all()).cast(pl.Float64))[:, 0].alias(field.metric)
    if value.null_count() == 0:
        return value, pl.Series(field.metric, [None], dtype=pl.String).new_from_index(0, len(value))
    reason = pl.coalesce(texts.columns)
    why = texts.select(pl.when(value.is_null()).then(reason).alias(field.metric))
    return value, why[field.metric]


def by_name(metrics: Mapping[str, object] | Sequence[str]) -> list[Field]:
    """Fields that carry the metric's own name and unit."""
    return [Field(metric, (metric,), number) for metric in metrics]
