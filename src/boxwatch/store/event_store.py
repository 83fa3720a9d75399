"""The event store: what every turn of reading brought, once and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import polars as pl

from boxwatch.clock import EPOCH, from_micros, to_micros
from boxwatch.errors import StoreDamaged, StoreError
from boxwatch.events.schema import QUARANTINE, Events, check
from boxwatch.store.catalog import Catalog, WriterCatalog
from boxwatch.store.compaction import Compacted, Compactor
from boxwatch.store.damage import DamageLog
from boxwatch.store.database import Database
from boxwatch.store.durable import make_folder, on_device
from boxwatch.store.layout import Layout, claim
from boxwatch.store.lock import WriterLock
from boxwatch.store.parts import Part, Span
from boxwatch.store.quarantine import Quarantine, Tally
from boxwatch.store.reading import Batch, Reader, Shape, read_batches, time_and_host
from boxwatch.store.retention import Retained, Retention, sweep_trash
from boxwatch.store.writing import BatchWriter

Positions = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest committed batch; `seq` 0 and the epoch where there is none yet."""

    seq: int = 0
    now: datetime = EPOCH
    positions: Positions = field(default_factory=dict)


class EventStore:
    """The events of one data folder. One process may write; any number may read meanwhile.

    Not for several threads at once. Use it as a context manager, or call `close`.
    """

    def __init__(self, layout: Layout, database: Database, lock: WriterLock | None) -> None:
        """Do not call: `EventStore.open` does."""
        self.layout = layout
        self._database = database
        self._lock = lock
        self._damage = DamageLog(layout, writable=lock is not None)
        self._catalog = Catalog(layout) if lock is None else WriterCatalog(layout)
        self._reader = Reader(self._catalog, self._damage)
        self._quarantine = Quarantine(layout.quarantine, database)
        self._writer = BatchWriter(layout)
        self._compactor = Compactor(layout, self._reader)
        self._head = self._read_head()

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Self:
        """Open the data folder at `path`; with `writable`, make it where there is none.

        A writer first removes what the last one left uncommitted.

        Raises:
            StoreLocked: another process writes; names it.
            StoreTooNew: a newer Boxwatch wrote the folder.
            StoreDamaged: its version or database cannot be read.
            StoreError: there is no data folder (readers only).

        """
        layout = Layout(path)
        if not writable:
            claim(layout, create=False)
            return cls(layout, Database(layout.database, writable=False), None)
        with on_device(path):
            make_folder(path.absolute())
        lock = WriterLock(layout.lock)
        try:
            claim(layout, create=True)
            database = Database(layout.database, writable=True)
            try:
                store = cls(layout, database, lock)
                store._recover()
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return store

    def append(self, events: Events, now: datetime, positions: Positions) -> int:
        """Append one batch; returns its number, one more than the last.

        `now` is the instant at which reading ended. `positions` are where each named source reads
        on after it; a source that is not named keeps its last position. Durable on return. An
        empty batch costs one row.

        Raises:
            StoreFull: no room. Nothing of the batch is visible; append it again once there is.
            SchemaError: a table is not as declared.
            StoreError: the store was opened for reading, or the device refuses.

        """
        catalog = self._writing()
        seq = self._head.seq + 1
        merged = {**self._head.positions, **positions}
        quarantined = check(events.quarantined, QUARANTINE, "EventStore.append")
        day = now.date().isoformat()
        parts = self._writer.write(seq, now, events)
        try:
            tally = None if quarantined.is_empty() else self._quarantine.write(day, quarantined)
            self._commit(seq, now, events.rows, merged, tally)
        except BaseException:
            # Where the commit itself failed, SQLite has rolled it back: the batch is not there.
            self._writer.take_back(parts)
            raise
        for part in parts:
            catalog.added(part)
        self._head = Head(seq, now, merged)
        return seq

    def head(self) -> Head:
        """The newest committed batch."""
        return self._read_head() if self._lock is None else self._head

    def batches(self, after: int = 0, *, until: int | None = None) -> Iterator[Batch]:
        """The batches with `after < seq <= until` in order, rows as they were appended.

        Without `until`, up to the head at the call. Memory is bounded by the largest batch and a
        window of rows, not by the range. Rows that retention removed or that were damaged are
        not there; their batches are, until retention forgets them.
        """
        last = self.head().seq if until is None else until
        return read_batches(self._reader, self._catalog, self._database, Span(after + 1, last))

    def logs(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        host: str | None = None,
    ) -> pl.LazyFrame:
        """Log rows with `start <= time < end`; None means no bound. A host's by day and arrival."""
        return self._scan("logs", start, end, host)

    def samples(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        host: str | None = None,
    ) -> pl.LazyFrame:
        """Sample rows with `start <= time < end`; None means no bound. A host's by day, arrival."""
        return self._scan("samples", start, end, host)

    def parts(
        self,
        table: str,
        start: datetime | None = None,
        end: datetime | None = None,
        host: str | None = None,
    ) -> list[Part]:
        """The parts that may hold such rows, by day, host and batch, for `query`."""
        dates = (_day(start, "0000"), _day(end, "9999"))
        listed = [
            part
            for partition in self._catalog.partitions(table, dates, host)
            for part in self._catalog.parts(partition)
        ]
        # Asked after listing: a part merged in between would reach beyond an earlier head.
        head = self.head().seq
        return [p for p in listed if p.last <= head and not self._damage.known(p.path)]

    def query(self, parts: Sequence[Part], shape: Shape) -> pl.DataFrame:
        """What `shape` makes of the rows of `parts`: columns of their table, `seq` and `row`.

        `parts` are of one table. Only the columns that `shape` needs are read, and its conditions
        hold already while reading; rows come in any order. A damaged part is told and passed over.
        """
        return self._reader.query(parts, shape)

    def quarantine(self) -> dict[str, Tally]:
        """By day: how much was set aside as not understood, and how much more was dropped."""
        return self._quarantine.tallies()

    def damage(self) -> list[StoreDamaged]:
        """Every file that was found damaged so far, each as the finding it is."""
        return self._damage.findings()

    def compact(self, budget_s: float = 0.05) -> Compacted:
        """Merge small parts, oldest first, for about `budget_s`; at least one merge if one is due.

        To be called once a turn: a turn's parts cost their share of the merges to come.

        Raises:
            StoreFull: no room; the small parts stay as they are.

        """
        return self._compactor.run(self._writing(), budget_s)

    def retain(self, max_age_days: int | None, max_bytes: int | None, now: datetime) -> Retained:
        """Remove whole days that are too old, then the oldest until the events fit `max_bytes`.

        The day of `now` and later ones always stay. None means no limit. Batches of which nothing
        can be left are forgotten, the newest excepted.
        """
        catalog = self._writing()
        retention = Retention(self.layout, catalog, self._database, self._quarantine)
        return retention.run(max_age_days, max_bytes, now.date())

    def close(self) -> None:
        """Close the files and let another process write; the store is of no use afterwards."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scan(
        self, table: str, start: datetime | None, end: datetime | None, host: str | None
    ) -> pl.LazyFrame:
        parts = self.parts(table, start, end, host)
        return self._reader.scan(table, parts, time_and_host(start, end, host))

    def _writing(self) -> WriterCatalog:
        if not isinstance(self._catalog, WriterCatalog):
            raise StoreError(
                f"The data folder {str(self.layout.root)!r} was opened for reading.",
                hint="Open it with writable=True.",
            )
        return self._catalog

    def _read_head(self) -> Head:
        rows = self._database.rows(
            "SELECT seq, now_us, positions FROM batches ORDER BY seq DESC LIMIT 1"
        )
        if not rows:
            return Head()
        seq, now_us, positions = rows[0]
        return Head(seq, from_micros(now_us), {} if positions is None else json.loads(positions))

    def _commit(
        self, seq: int, now: datetime, rows: int, positions: Positions, tally: Tally | None
    ) -> None:
        text = json.dumps({name: dict(position) for name, position in positions.items()})
        with self._database.transaction() as transaction:
            transaction.execute("UPDATE batches SET positions = NULL WHERE seq = ?", (seq - 1,))
            transaction.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?)", (seq, to_micros(now), rows, text)
            )
            if tally is not None:
                self._quarantine.commit(transaction, now.date().isoformat(), tally)

    def _recover(self) -> None:
        """Remove what the last writer left half done, and check the database once."""
        self._database.check()
        self._writing().recover(self._head.seq)
        self._quarantine.recover()
        sweep_trash(self.layout)


def _day(instant: datetime | None, otherwise: str) -> str:
    return otherwise if instant is None else instant.astimezone(UTC).date().isoformat()
