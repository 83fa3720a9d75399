"""Journal entries as a table of text, straight from their flat text.

An entry has a head that journalctl writes (cursor, times, boot), a message and a time of its own;
all its other lines come again and again, many to one process. So the head and these two are cut
out, what is left is told apart as a whole, and only what is unlike is looked at line by line.
Whatever does not have this form is printed, and read as any other line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from polars.exceptions import ComputeError

from boxwatch.clock import EPOCH
from boxwatch.events import ndjson
from boxwatch.events.schema import RawChunk
from boxwatch.sources.journald_printing import RowPrinter

_END: Final = "\n\n"
_REPLACED: Final = "\ufffd"
_HEAD: Final = ("__CURSOR", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP")
_BOOT: Final = "_BOOT_ID"  # ends the head
_NUMBER: Final = ("__SEQNUM", "__SEQNUM_ID")  # before it, since systemd 254
_TIME: Final = "_SOURCE_REALTIME_TIMESTAMP"
_MESSAGE: Final = "MESSAGE"
_CUT_OUT: Final = (*_HEAD, _TIME, _MESSAGE)
_LEFT: Final = ("a", "b", "c", "d")  # pieces of all other lines, in their order


def table(text: bytes, rows: int, printer: RowPrinter, columns: Sequence[str]) -> pl.DataFrame:
    """The fields `columns` of whole entries as text, one row an entry, none of which is empty.

    The same frame as `events.ndjson.read` gives for the rows of `printer`.
    """
    apart = _taken_apart(_entries(text, rows))
    common = _Common(apart.select(_LEFT), printer)
    shared = [name for name in columns if name not in _CUT_OUT]
    frame = apart.with_columns(common.frame[name].gather(common.kinds) for name in shared)
    frame = frame.select(columns)
    odd = apart["odd"] | common.odd
    if not odd.any():
        return frame
    return _mended(frame, odd.arg_true(), _exact(text, odd.arg_true(), printer, columns))


def _entries(text: bytes, rows: int) -> pl.LazyFrame:
    """The entries as text, in a column `entry`; null where one is not UTF-8."""
    entry = pl.col("entry").str.split(_END).explode().head(rows)
    try:
        whole = pl.Series("entry", [text], pl.Binary).cast(pl.String)
    except ComputeError:
        whole = pl.Series("entry", [text.decode(errors="replace")])
        entry = pl.when(~entry.str.contains(_REPLACED, literal=True)).then(entry)
    return whole.to_frame().lazy().select(entry)


def _taken_apart(entries: pl.LazyFrame) -> pl.DataFrame:
    """The fields of `_CUT_OUT`, what is `_LEFT`, and `odd` where an entry has another form."""
    lines = [_field("head", place) for place in range(len(_HEAD))]
    more = _field("head", len(_HEAD))
    form = "^" + "\n".join(f"{name}=[0-9a-f]*" for name in _NUMBER) + "$"
    both = _field("one", 0).is_not_null() & _field("other", 0).is_not_null()
    fits = [line.str.starts_with(f"{name}=") for name, line in zip(_HEAD, lines, strict=True)]
    odd = ~pl.all_horizontal(*fits, more.str.contains(form).fill_null(value=True), ~both, "booted")
    head = [
        line.str.strip_prefix(f"{name}=").alias(name)
        for name, line in zip(_HEAD, lines, strict=True)
    ]
    return (
        _cut(entries)
        .select(
            *head,
            _TIME,
            pl.coalesce(_field("one", 0), _field("other", 0)).alias(_MESSAGE),
            "a",
            _field("one", 1).alias("b"),
            "c",
            _field("other", 1).alias("d"),
            odd.fill_null(value=True).alias("odd"),
        )
        .collect(engine="in-memory")
    )


def _cut(entries: pl.LazyFrame) -> pl.LazyFrame:
    """The lines of the `head`, the time, and what lies around time and message.

    The message comes before the time (between `a` and `b`) or after it (between `c` and `d`).
    """
    return (
        entries.select(_parted(pl.col("entry"), f"\n{_BOOT}=").alias("parts"))
        .select(
            _field("parts", 0).str.splitn("\n", len(_HEAD) + 1).alias("head"),
            _parted(_field("parts", 1), f"\n{_TIME}=").alias("parts"),
            _field("parts", 1).is_not_null().alias("booted"),
        )
        .select(
            "head",
            "booted",
            _field("parts", 0).alias("before"),
            _parted(_field("parts", 1), "\n").alias("timed"),
        )
        .select(
            "head",
            "booted",
            _field("timed", 0).alias(_TIME),
            _parted(pl.col("before"), f"\n{_MESSAGE}=").alias("before"),
            _parted("\n" + _field("timed", 1), f"\n{_MESSAGE}=").alias("after"),
        )
        .select(
            "head",
            "booted",
            _TIME,
            _field("before", 0).alias("a"),
            _field("after", 0).alias("c"),
            _parted(_field("before", 1), "\n").alias("one"),
            _parted(_field("after", 1), "\n").alias("other"),
        )
    )


def _parted(text: pl.Expr, mark: str) -> pl.Expr:
    """What is before and after the first `mark`; null after, where there is none."""
    return text.str.splitn(mark, 2)


def _field(name: str, place: int) -> pl.Expr:
    return pl.col(name).struct.field(f"field_{place}")


class _Common:
    """The lines that entries have in common, each combination looked at once.

    Attributes:
        frame: The host and the fields of each combination.
        kinds: The combination of each entry.
        odd: Whether an entry has a field twice.

    """

    def __init__(self, left: pl.DataFrame, printer: RowPrinter) -> None:
        marks = left.hash_rows().alias("mark")
        firsts = marks.arg_unique()
        kinds = marks.gather(firsts).to_frame().with_row_index("kind")
        joined = marks.to_frame().join(kinds, on="mark", how="left", maintain_order="left")
        self.kinds = joined["kind"]
        told = _told(left[firsts]).filter(pl.col("name").is_in(printer.fields))
        twice = told.select(pl.struct("kind", "name").is_duplicated()).to_series()
        twice |= told["name"].is_in(_CUT_OUT)
        doubtful = pl.repeat(value=False, n=len(firsts), eager=True)
        self.odd = doubtful.scatter(told["kind"].filter(twice), True).gather(self.kinds)
        columns = {
            name: pl.Series(name, [None], pl.String).new_from_index(0, len(firsts))
            for name in printer.fields
        }
        for (name,), of in told.filter(~twice).partition_by("name", as_dict=True).items():
            columns[name].scatter(of["kind"], of["value"])
        host = pl.Series("host", [printer.host]).new_from_index(0, len(firsts))
        self.frame = pl.DataFrame([host, *columns.values()])


def _told(left: pl.DataFrame) -> pl.DataFrame:
    """The lines of each combination: `kind`, `name` and `value`."""
    lines = pl.concat_str(
        pl.lit(f"{_BOOT}=") + pl.col("a"), "b", "c", "d", separator="\n", ignore_nulls=True
    )
    pairs = left.select(lines.str.split("\n").alias("line")).with_row_index("kind").explode("line")
    halves = pl.col("line").str.splitn("=", 2).struct
    return pairs.select(
        "kind", halves.field("field_0").alias("name"), halves.field("field_1").alias("value")
    )


def _exact(
    text: bytes, rows: pl.Series, printer: RowPrinter, columns: Sequence[str]
) -> pl.DataFrame:
    """The records `rows` of `text`, printed and read again."""
    entries = text.split(b"\n\n")
    lines = printer.rows(b"".join(entries[row] + b"\n\n" for row in rows))
    return ndjson.read(
        RawChunk("systemd", lines, printer.host, "journalctl"), columns, EPOCH
    ).frame.drop("row")


def _mended(frame: pl.DataFrame, rows: pl.Series, exact: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the rows `exact` at the places `rows`."""
    places = np.arange(frame.height)
    places[rows.to_numpy()] = frame.height + np.arange(len(rows))
    return pl.concat([frame, exact])[places]
