"""From a draft of log rows to the table: what is the same for every kind of log record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from boxwatch.events import attributes, text
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import LOGS, Events, check

Extras = Mapping[int, Mapping[str, Any]]


def missing() -> pl.Expr:
    """A text column of which nothing is known."""
    return pl.lit(None, pl.String)


def log_events(records: Records, draft: pl.DataFrame, extras: Extras | None = None) -> Events:
    """The events of `draft`: the columns of LOGS and `row`, the record each row came from.

    Messages are cleaned and limited, rows without a usable time go to quarantine. `extras` holds
    more attributes by position in `draft`.
    """
    messages = text.clean(draft["message"].fill_null(""))
    more = {position: dict(extra) for position, extra in (extras or {}).items()}
    aside = [records.unreadable]
    long = text.too_long(messages)
    if long:
        for position, size in zip(long, messages.gather(long).str.len_bytes(), strict=True):
            more.setdefault(position, {})["truncated_from_bytes"] = size
        messages = messages.str.head(text.MESSAGE_LIMIT)
        rows = draft["row"].gather(long).to_list()
        reason = f"message longer than {text.MESSAGE_LIMIT} characters; its head is in the logs"
        aside.append(records.set_aside(rows, reason))
    draft = draft.with_columns(
        messages.alias("message"), attributes.extended(draft["attributes"], more)
    )
    draft, timeless = with_time(records, draft)
    return Events(
        logs=check(draft, LOGS, f"logs from {records.chunk.kind}"),
        quarantined=gather([*aside, timeless]),
    )


def with_time(records: Records, draft: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`draft` without the rows whose time is null, and those as quarantine rows."""
    if not draft["time"].null_count():
        return draft, records.set_aside([], "")
    rows = draft.filter(pl.col("time").is_null())["row"].to_list()
    return draft.filter(pl.col("time").is_not_null()), records.set_aside(rows, "no usable time")
