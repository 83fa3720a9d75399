"""The time that stands at the head of a log line, in the forms programs commonly write."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from boxwatch.events.instants import usable

_HEAD: Final = 200  # characters in which a time is looked for
_ZONE: Final = r"(?:Z|[+-]\d\d:?\d\d)"


class Form(NamedTuple):
    """A way to write a time: `pattern` finds it, `parts` is how chrono reads it."""

    pattern: str
    parts: str
    zoned: bool = False
    yearless: bool = False


# Tried in this order; a line takes the first that reads. Times without a zone count as UTC.
FORMS: Final = (
    # RFC 3339 and ISO 8601 with a zone, also after a syslog header <34>1
    Form(
        r"^(?:<\d{1,3}>1 |\[)?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)? ?" + _ZONE + ")",
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        zoned=True,
    ),
    # the same without a zone; Python logging: 2024-05-01 12:00:00,123
    Form(r"^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?)", "%Y-%m-%dT%H:%M:%S%.f"),
    # nginx error log and Go's log: 2024/05/01 12:00:00
    Form(r"^\[?(\d{4}/\d\d/\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?)", "%Y/%m/%dT%H:%M:%S%.f"),
    # nginx and Apache access logs: ... [01/May/2024:12:00:00 +0000]
    Form(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]", "%d/%b/%YT%H:%M:%S%z", True),
    # klog: E0501 12:00:00.123456
    Form(r"^[IWEF](\d{4} \d\d:\d\d:\d\d\.\d+)", "%Y %m%dT%H:%M:%S%.f", yearless=True),
    # RFC 3164 syslog: May  1 12:00:00
    Form(
        r"^(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)", "%Y %b %dT%H:%M:%S", yearless=True
    ),
)


def from_head(messages: pl.Series, read_at: pl.Series) -> pl.Series:
    """The time each line states, as UTC microseconds; null where it states none.

    A form without a year takes that of `read_at`, or the year before where the time would lie more
    than a day ahead of it.
    """
    heads = messages.str.head(_HEAD)
    times = pl.Series("time", [None] * len(heads), dtype=read_at.dtype)
    for form in FORMS:
        if not times.null_count():
            break
        table = pl.DataFrame({"head": heads, "read_at": read_at, "time": times})
        found = pl.when(pl.col("time").is_null()).then(
            pl.col("head").str.extract(form.pattern).str.replace(",", ".", literal=True)
        )
        table = table.with_columns(found.alias("found"))
        if table["found"].null_count() < len(heads):
            times = table.select(pl.coalesce("time", usable(_read(form))).alias("time"))["time"]
    return times


def _read(form: Form) -> pl.Expr:
    text = pl.col("found")
    if form.yearless:
        year = pl.col("read_at").dt.year()
        now, before = (
            _parsed(pl.concat_str([y.cast(pl.String), text], separator=" "), form)
            for y in (year, year - 1)
        )
        ahead = now > pl.col("read_at") + pl.duration(days=1)
        return pl.when(ahead.fill_null(value=True)).then(before).otherwise(now)
    return _parsed(text, form)


def _parsed(text: pl.Expr, form: Form) -> pl.Expr:
    # The last blank before the clock time, and any before the zone, differ from writer to writer.
    clock = text.str.replace(r"[T :](\d\d:\d\d:\d\d)", "T${1}")
    zone = clock.str.replace(r" ?([+-]\d\d):?(\d\d)$", "${1}${2}") if form.zoned else clock
    return zone.str.to_datetime(form.parts, time_unit="us", time_zone="UTC", strict=False)
