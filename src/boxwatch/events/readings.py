"""Wide readings to samples: one record with many fields becomes one row a metric.

The same way for everything that is measured: text columns in, `SAMPLES` out. A field that is not a
number is unknown, and what stands there is the reason; a field that is absent or null gives no row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import polars as pl

from boxwatch.events.drafts import with_time
from boxwatch.events.ndjson import Records
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
    return values.set(~values.is_finite(), None)


def with_entity(records: Records, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The rows of `frame` that have a time and an entity, and quarantine rows for the others."""
    frame, timeless = with_time(records, frame)
    nameless = frame.filter(pl.col("entity").is_null())["row"].to_list()
    aside = [timeless, records.set_aside(nameless, "no entity that is known")]
    return frame.filter(pl.col("entity").is_not_null()) if nameless else frame, aside


def to_events(
    records: Records, frame: pl.DataFrame, fields: Sequence[Field], source: str
) -> Events:
    """The samples in `frame`, which has `row`, `time`, `host`, `entity` and the text columns.

    Rows without any field that is known go to quarantine.
    """
    columns = dict.fromkeys(name for field in fields for name in field.columns)
    said = {name for name in columns if frame[name].null_count() < frame.height}
    silent = frame.filter(pl.all_horizontal(pl.col(list(said)).is_null())) if said else frame
    samples = _samples(frame, fields, said, source) if said else empty(SAMPLES)
    quarantined = records.set_aside(silent["row"].to_list(), "no metric that is known")
    return Events(samples=check(samples, SAMPLES, source), quarantined=quarantined)


def _samples(
    frame: pl.DataFrame, fields: Sequence[Field], said: Set[str], source: str
) -> pl.DataFrame:
    # Unpivoting puts metric after metric, so that each form of value is one slice of the texts.
    told = [field for field in fields if not said.isdisjoint(field.columns)]
    forms = list(dict.fromkeys(field.parse for field in told))
    told.sort(key=lambda field: forms.index(field.parse))
    texts = [_text([name for name in f.columns if name in said]).alias(f.metric) for f in told]
    wide = frame.select(*_INDEX, *texts)
    long = wide.unpivot(index=_INDEX, variable_name="metric", value_name="text")
    values = []
    start = 0
    for parse, alike in groupby(told, key=lambda f: f.parse):
        size = frame.height * len(list(alike))
        values.append(parse(long["text"].slice(start, size)).alias("value"))
        start += size
    factors = np.repeat([field.factor for field in told], frame.height)
    value = pl.concat(values) * pl.Series(factors)
    reason = pl.when(pl.col("value").is_null()).then("text").alias("reason")
    return (
        long.lazy()
        .with_columns(value.alias("value"), pl.lit(source).alias("source"))
        .filter(pl.col("text").is_not_null())
        .with_columns(reason)
        .select(list(SAMPLES))
        .collect()
    )


def _text(columns: Sequence[str]) -> pl.Expr:
    """What stands in the first of `columns` that has a digit, else in the first that is said."""
    first, *others = columns
    if not others:
        return pl.col(first)
    written = [pl.when(pl.col(name).str.contains("[0-9]")).then(name) for name in columns]
    return pl.coalesce(*written, *columns)


def by_name(metrics: Sequence[str]) -> list[Field]:
    """Fields that carry the metric's own name and unit."""
    return [Field(metric, (metric,), number) for metric in metrics]
