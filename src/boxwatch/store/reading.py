"""Reading the event tables: in the order of batches, or as lazy tables pruned by day and host."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

import polars as pl
from polars.io.plugins import register_io_source

from boxwatch.clock import from_micros
from boxwatch.errors import StoreError
from boxwatch.events.schema import Events
from boxwatch.store.catalog import Catalog
from boxwatch.store.damage import DamageLog
from boxwatch.store.database import Database
from boxwatch.store.layout import TABLES
from boxwatch.store.part_files import (
    SCHEMAS,
    Unreadable,
    empty_part,
    read_part,
    read_whole_parts,
    stored_schema,
)
from boxwatch.store.parts import Part, Span

_WINDOW_ROWS: Final = 400_000  # rows in memory at once while batches are read: some 60 MB
_WINDOW_BATCHES: Final = 4096
Shape = Callable[[pl.LazyFrame], pl.LazyFrame]
"""What a query makes of the rows of a table."""

_KEY: Final = pl.col("seq").cast(pl.UInt64) * 2**32 + pl.col("row")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one turn of reading brought: `now` is the instant at which reading ended."""

    seq: int
    now: datetime
    events: Events


class _Committed(NamedTuple):
    seq: int
    now_us: int
    rows: int


class Reader:
    """Reads parts; what cannot be read is reported as damage and passed over."""

    def __init__(self, catalog: Catalog, damage: DamageLog) -> None:
        self._catalog = catalog
        self._damage = damage

    def rows(
        self,
        part: Part,
        batches: Span,
        where: pl.Expr | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """The rows of `part` that are in `batches`, in the order of arrival.

        A part that was replaced since it was listed is read from its replacement; one that fell
        to retention has no rows.

        Raises:
            StoreError: the file may not be read, or the process has too many open.

        """
        span = Span(max(batches.first, part.first), min(batches.last, part.last))
        conditions = [] if where is None else [where]
        if span != (part.first, part.last):
            conditions.append(pl.col("seq").is_between(*span))
        try:
            return read_part(part.path, part.partition.table, conditions, columns)
        except FileNotFoundError:
            self._catalog.forget(part.partition)
        except Unreadable as error:
            self._set_aside(part, error)
        found = [
            self.rows(other, span, where, columns)
            for other in self._catalog.parts(part.partition)
            if other.path != part.path and span.meets(other) and not self._damage.known(other.path)
        ]
        return pl.concat(found) if found else empty_part(part.partition.table, columns)

    def damaged(self, parts: Sequence[Part]) -> bool:
        """Whether any of `parts` was found damaged."""
        return any(self._damage.known(part.path) for part in parts)

    def window(self, table: str, parts: list[Part], batches: Span) -> pl.DataFrame:
        """All rows of `batches`, in the order of arrival."""
        wanted = [p for p in parts if batches.meets(p) and not self._damage.known(p.path)]
        frames = []
        for whole, run in groupby(wanted, key=batches.holds):
            group = list(run)
            frames += self.whole(group) if whole else [self.rows(p, batches) for p in group]
        if not frames:
            return empty_part(table)
        frame = pl.concat(frames)
        # One partition's parts come in order already; sorting rows of strings is what costs.
        return frame if frame.select(_KEY).to_series().is_sorted() else frame.sort(_KEY)

    def whole(self, parts: Sequence[Part]) -> list[pl.DataFrame]:
        """All rows of `parts`, which are of one table, in their order."""
        if len(parts) > 1:
            try:
                table = parts[0].partition.table
                return [read_whole_parts([part.path for part in parts], table)]
            except Unreadable:
                pass  # one by one, below: that tells which
        return [self.rows(part, Span(part.first, part.last)) for part in parts]

    def scan(self, table: str, parts: list[Part], where: pl.Expr) -> pl.LazyFrame:
        """The rows of `parts` for which `where` holds, one part in memory at a time."""

        def frames(
            columns: list[str] | None,
            predicate: pl.Expr | None,
            limit: int | None,
            _size: int | None,
        ) -> Iterator[pl.DataFrame]:
            for part in parts:
                if limit is not None and limit <= 0:
                    return
                frame = self.rows(part, Span(part.first, part.last), where, list(SCHEMAS[table]))
                # Applied here and not in the file: an error in it must not look like damage.
                frame = frame if predicate is None else frame.filter(predicate)
                frame = frame if columns is None else frame.select(columns)
                frame = frame if limit is None else frame.head(limit)
                limit = None if limit is None else limit - frame.height
                yield frame

        return register_io_source(frames, schema=dict(SCHEMAS[table]))

    def query(self, parts: Sequence[Part], shape: Shape) -> pl.DataFrame:
        """What `shape` makes of the rows of `parts`, which are of one table; read in one go."""
        table = parts[0].partition.table
        paths = [part.path for part in parts]
        lazy = pl.scan_parquet(
            paths, schema=stored_schema(table), hive_partitioning=False, glob=False, cache=False
        )
        try:
            return shape(lazy).collect(engine="streaming")
        except Unreadable:  # one by one: that tells which, and finds those replaced meanwhile
            rows = [self.rows(part, Span(part.first, part.last)) for part in parts]
            return shape(pl.concat(rows).lazy()).collect(engine="streaming")

    def _set_aside(self, part: Part, error: BaseException) -> None:
        if isinstance(error, OSError) and error.errno != errno.EIO:
            raise StoreError(
                f"Cannot read {str(part.path)!r}: {error}.",
                hint="Check the owner of the data folder and the limit of open files.",
            ) from error
        self._damage.report(part.path, _first_line(error))
        self._catalog.forget(part.partition)


def read_batches(
    reader: Reader, catalog: Catalog, database: Database, batches: Span
) -> Iterator[Batch]:
    """The batches in the range, in order, in bounded memory."""
    parts = {table: catalog.between(table, batches) for table in TABLES}
    for window in _windows(database, batches):
        span = Span(window[0].seq, window[-1].seq)
        logs, samples = (_Cut(reader.window(table, parts[table], span), table) for table in TABLES)
        for committed in window:
            events = Events(logs.take(committed.seq), samples.take(committed.seq))
            yield Batch(committed.seq, from_micros(committed.now_us), events)


def time_and_host(start: datetime | None, end: datetime | None, host: str | None) -> pl.Expr:
    """`start <= time < end` and the host's own rows; None means no bound."""
    where = pl.lit(value=True)
    if start is not None:
        where &= pl.col("time") >= start
    if end is not None:
        where &= pl.col("time") < end
    if host is not None:
        where &= pl.col("host") == host
    return where


class _Cut:
    """A window's rows, cut into its batches."""

    def __init__(self, frame: pl.DataFrame, table: str) -> None:
        runs = frame["seq"].rle().struct.unnest() if frame.height else None
        self._place: dict[int, tuple[int, int]] = {}
        if runs is not None:
            lengths = runs["len"].to_list()
            offset = 0
            for seq, length in zip(runs["value"].to_list(), lengths, strict=True):
                self._place[seq] = (offset, length)
                offset += length
        self._frame = frame.select(list(SCHEMAS[table]))

    def take(self, seq: int) -> pl.DataFrame:
        """The rows of batch `seq`."""
        return self._frame.slice(*self._place.get(seq, (0, 0)))


def _windows(database: Database, batches: Span) -> Iterator[list[_Committed]]:
    """Runs of committed batches with a bounded number of rows; at least one batch each."""
    after = batches.first - 1
    while True:
        rows = database.rows(
            "SELECT seq, now_us, rows FROM batches WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, batches.last, _WINDOW_BATCHES),
        )
        if not rows:
            return
        window: list[_Committed] = []
        total = 0
        for committed in (_Committed(*row) for row in rows):
            if window and total + committed.rows > _WINDOW_ROWS:
                yield window
                window, total = [], 0
            window.append(committed)
            total += committed.rows
        yield window
        after = window[-1].seq


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
