"""Getting a data folder going again whose state.db or format.json is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch.clock import EPOCH, to_micros
from boxwatch.errors import StoreDamaged, StoreError
from boxwatch.store.catalog import Catalog, WriterCatalog
from boxwatch.store.damage import DamageLog
from boxwatch.store.database import Database
from boxwatch.store.durable import make_folder, sync_folder
from boxwatch.store.incident_rows import COLUMNS, from_row
from boxwatch.store.layout import TABLES, Layout, claim, database_lost, write_format
from boxwatch.store.lock import WriterLock
from boxwatch.store.parts import Span
from boxwatch.store.reading import Reader

_HISTORY: Final = "incident, at_us, state, by, note"
_HISTORY_READ: Final = f"SELECT {_HISTORY} FROM history ORDER BY number"  # noqa: S608
_INCIDENTS_READ: Final = f"SELECT {COLUMNS}, verdict FROM incidents NOT INDEXED"  # noqa: S608
_LABELS: Final = "incident, at_us, opinion, by, note, until_us"
_LABELS_READ: Final = f"SELECT {_LABELS} FROM labels ORDER BY number"  # noqa: S608

_Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did. `aside` is where the damaged database went; None: it was sound.

    `lost` says in words what could not be brought back.
    """

    aside: Path | None = None
    batches: int = 0
    rows: int = 0
    incidents: int = 0
    lost: tuple[str, ...] = ()


def repair(path: Path) -> Repaired:
    """Check the data folder at `path` and rebuild what is damaged; a sound one stays as it is.

    Batches come back from the events, each with its latest time as `now`. Incidents and source
    positions come back as far as the damaged database can still be read; the checkpoint does not:
    the pipeline works through the batches again.

    Raises:
        StoreLocked: another process writes.
        StoreTooNew: a newer Boxwatch wrote the folder.
        StoreError: there is no data folder.

    """
    layout = Layout(path)
    if not path.is_dir():
        raise StoreError(f"There is no data folder at {str(path)!r}.", hint="Name it with --data.")
    lock = WriterLock(layout.lock)
    try:
        try:
            claim(layout, create=True)
        except StoreDamaged:
            write_format(layout)
        return Repaired() if _is_sound(layout) else _rebuild(layout)
    finally:
        lock.release()


def _is_sound(layout: Layout) -> bool:
    """Whether the database can be read and knows every batch that the events hold."""
    if database_lost(layout):
        return False
    try:
        with closing(Database(layout.database, writable=True)) as database:
            database.check()
            head = database.rows("SELECT max(seq) FROM batches")[0][0]
        WriterCatalog(layout).recover(0 if head is None else head)
    except StoreDamaged:
        return False
    return True


def _rebuild(layout: Layout) -> Repaired:
    aside = _move_aside(layout)
    batches = _batches_of(layout)
    incidents, history, labels, newest = _salvage(aside)
    last = max(batches, default=0)
    positions = None
    if newest is not None and newest[0] >= last:  # later batches were empty, or there are none
        seq, now_us, positions = newest
        batches.setdefault(seq, (now_us, 0))
    with (
        closing(Database(layout.database, writable=True)) as database,
        database.transaction() as new,
    ):
        new.executemany(
            "INSERT INTO batches VALUES (?, ?, ?, NULL)",
            [(seq, now_us, rows) for seq, (now_us, rows) in sorted(batches.items())],
        )
        new.execute(
            "UPDATE batches SET positions = ? WHERE seq = ?",
            (positions, max(batches, default=0)),
        )
        new.executemany("INSERT INTO quarantine VALUES (?, ?, ?, 0)", _quarantine_of(layout))
        marks = ", ".join("?" * 12)
        new.executemany(
            f"INSERT INTO incidents ({COLUMNS}, verdict) VALUES ({marks})",  # noqa: S608
            incidents,
        )
        new.executemany(
            f"INSERT INTO history ({_HISTORY}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            history,
        )
        new.executemany(
            f"INSERT INTO labels ({_LABELS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            labels,
        )
    return Repaired(
        aside=aside,
        batches=len(batches),
        rows=sum(rows for _, rows in batches.values()),
        incidents=len(incidents),
        lost=_lost(incidents, positions),
    )


def _lost(incidents: _Rows, positions: str | None) -> tuple[str, ...]:
    lost = ["the checkpoint: the pipeline works through all batches again"]
    if positions is None:
        lost.append("the source positions: sources start anew and may hand over records again")
    if incidents:
        lost.append(f"incidents beyond the {len(incidents)} that could be read, if there were any")
    else:
        lost.append("the incidents and what people said about them, if there were any")
    return tuple(lost)


def _move_aside(layout: Layout) -> Path:
    """Move the database and its log to `damaged/` under a free name."""
    make_folder(layout.damaged)
    number = 1
    while (aside := layout.damaged / f"state-{number}.db").exists():
        number += 1
    for suffix in ("-wal", "", "-shm"):
        source = layout.database.with_name(layout.database.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    sync_folder(layout.root)
    sync_folder(layout.damaged)
    return aside


def _batches_of(layout: Layout) -> dict[int, tuple[int, int]]:
    """By batch number: the latest time (µs) and the rows, from the events themselves."""
    catalog = Catalog(layout)
    reader = Reader(catalog, DamageLog(layout, writable=True))
    found: dict[int, tuple[int, int]] = {}
    for table in TABLES:
        for part in catalog.between(table, Span(0, 2**32 - 1)):
            rows = reader.rows(part, Span(part.first, part.last), columns=["seq", "time"])
            counted = rows.group_by("seq").agg(
                pl.col("time").max().dt.timestamp("us").fill_null(to_micros(EPOCH)), pl.len()
            )
            for seq, latest, count in counted.iter_rows():
                before = found.get(seq, (latest, 0))
                found[seq] = (max(before[0], latest), before[1] + count)
    return found


def _quarantine_of(layout: Layout) -> list[tuple[str, int, int]]:
    return [
        (path.stem, path.stat().st_size, path.read_bytes().count(b"\n"))
        for path in sorted(layout.quarantine.glob("*.jsonl"))
    ]


def _salvage(aside: Path) -> tuple[_Rows, _Rows, _Rows, tuple[int, int, str] | None]:
    """What the damaged database still gives: incidents, history, labels, the newest batch."""
    incidents: _Rows = []
    history: _Rows = []
    labels: _Rows = []
    newest = None
    with suppress(sqlite3.Error), closing(sqlite3.connect(aside)) as old:
        with suppress(sqlite3.Error):
            newest = old.execute(
                "SELECT seq, now_us, positions FROM batches ORDER BY seq DESC LIMIT 1"
            ).fetchone()
        _read_until_damage(old, _INCIDENTS_READ, incidents)
        _read_until_damage(old, _HISTORY_READ, history)
        _read_until_damage(old, _LABELS_READ, labels)
    return [row for row in incidents if _is_incident(row)], history, labels, newest


def _read_until_damage(old: sqlite3.Connection, query: str, into: _Rows) -> None:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        into.extend(old.execute(query))


def _is_incident(row: tuple[Any, ...]) -> bool:
    try:
        from_row((*row[:-1], None))  # its label stands in a table of its own
    except (ValueError, TypeError, KeyError, OverflowError):
        return False
    return True
