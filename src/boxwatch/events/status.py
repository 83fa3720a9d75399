"""What sources say about themselves: silence is never health."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.events import attributes, identity, instants
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SAMPLES, Events, check

COLUMNS: Final = ("host", "collected_at", "source", "state", "reason", "hint")

_UP: Final = {"ok": 1.0, "absent": None, "denied": 0.0, "failing": 0.0, "hung": 0.0}
_SEVERITY: Final = {"absent": 9, "denied": 13, "failing": 17, "hung": 17}
_ATTRIBUTES: Final = {"source": "source", "state": "state", "reason": "reason", "hint": "hint"}


def normalise(records: Records) -> Events:
    """A sample `up` of `source:<name>` for every report, and a log row where it is not `ok`.

    1 the source answers, 0 it fails, hangs or may not be read, null it is not here.
    """
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
    )
    understood = pl.col("source").is_not_null() & pl.col("state").is_in(list(_UP))
    understood = understood.fill_null(value=False)
    strange = frame.filter(~understood)["row"].to_list()
    frame = frame.filter(understood)
    logs = _logs(records, frame.filter(pl.col("state") != "ok"))
    good = frame.filter(pl.col("state") == "ok", pl.col("time").is_null())["row"].to_list()
    aside = [
        logs.quarantined,
        records.set_aside(good, "no usable time"),
        records.set_aside(strange, f"no source, or a state that is none of {', '.join(_UP)}"),
    ]
    samples = _samples(frame.filter(pl.col("time").is_not_null()))
    return Events(logs.logs, samples, gather(aside))


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("state").replace_strict(_UP, default=None, return_dtype=pl.Float64)
    why = pl.coalesce("reason", pl.lit("the source is not on this machine"))
    samples = frame.select(
        "time",
        "host",
        pl.lit("app").alias("source"),
        ("source:" + pl.col("source")).alias("entity"),
        pl.lit("up").alias("metric"),
        value.alias("value"),
        pl.when(value.is_null()).then(why).alias("reason"),
    )
    return check(samples, SAMPLES, "samples from status")


def _logs(records: Records, frame: pl.DataFrame) -> Events:
    sentence = pl.concat_str(
        [
            pl.lit("Source "),
            "source",
            pl.lit(" is "),
            "state",
            (": " + pl.col("reason").str.strip_chars_end(".")).fill_null(""),
            (". " + pl.col("hint")).fill_null(""),
        ]
    )
    draft = frame.select(
        "row",
        "time",
        "host",
        pl.lit("app").alias("source"),
        pl.lit("status").alias("subtype"),
        pl.col("state")
        .replace_strict(_SEVERITY, default=None, return_dtype=pl.UInt8)
        .alias("severity"),
        pl.lit("boxwatch").alias("unit"),
        missing().alias("container_name"),
        missing().alias("container_id"),
        sentence.alias("message"),
        identity.of(frame, ["host", "collected_at", "source", "state", "reason"]),
        attributes.as_json(frame, _ATTRIBUTES),
    )
    return log_events(records, draft)
