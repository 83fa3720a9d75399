"""Forgetting: whole days, oldest first, by age and by size; never today."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from boxwatch.store.catalog import WriterCatalog
from boxwatch.store.database import Database
from boxwatch.store.layout import TABLES, Layout
from boxwatch.store.quarantine import Quarantine

_TRASH: Final = "removing-"  # a day is renamed first: it goes at once, however long removal takes


@dataclass(frozen=True, slots=True)
class Retained:
    """What went: the days, for age or for size, and the bytes; and the bytes that are left."""

    too_old: tuple[str, ...] = ()
    too_much: tuple[str, ...] = ()
    bytes_removed: int = 0
    bytes_left: int = 0


class Retention:
    """Removes what is beyond the limits a person set."""

    def __init__(
        self, layout: Layout, catalog: WriterCatalog, database: Database, quarantine: Quarantine
    ) -> None:
        self._layout = layout
        self._catalog = catalog
        self._database = database
        self._quarantine = quarantine

    def run(self, max_age_days: int | None, max_bytes: int | None, today: date) -> Retained:
        """Remove the days before `today` that are too old, then the oldest until the rest fits."""
        self._catalog.sweep(at_once=max_bytes is not None)
        sizes = _sizes(self._layout)
        past = [day for day in sorted(sizes) if day < today.isoformat()]
        too_old = []
        if max_age_days is not None:
            oldest = (today - timedelta(days=max_age_days)).isoformat()
            too_old = [day for day in past if day < oldest]
        left = sum(sizes.values()) - sum(sizes[day] for day in too_old)
        too_much = []
        for day in past[len(too_old) :]:
            if max_bytes is None or left <= max_bytes:
                break
            too_much.append(day)
            left -= sizes[day]
        gone = [*too_old, *too_much]
        for day in gone:
            self._remove(day)
        sweep_trash(self._layout)  # before the database: on a full device it needs the room
        self._forget(gone)
        removed = sum(sizes[day] for day in gone)
        return Retained(tuple(too_old), tuple(too_much), removed, left)

    def _remove(self, day: str) -> None:
        for table in TABLES:
            folder = self._layout.day(table, day)
            if folder.exists():
                folder.rename(folder.with_name(f"{_TRASH}{day}"))
            self._catalog.removed(day, table)

    def _forget(self, days: list[str]) -> None:
        """Forget the quarantine of `days`, and the batches before the first with a part left."""
        firsts = [parts[0].first for _, parts in self._catalog.all() if parts]
        low, head = self._database.rows("SELECT min(seq), max(seq) FROM batches")[0]
        if head is None or (not days and low >= min([*firsts, head])):
            return
        with self._database.transaction() as transaction:
            for day in days:
                self._quarantine.forget(transaction, day)
            transaction.execute("DELETE FROM batches WHERE seq < ?", (min([*firsts, head]),))


def sweep_trash(layout: Layout) -> None:
    """Remove the days that were on their way out, now or when the last writer ended."""
    for folder in layout.events.glob(f"*/{_TRASH}*"):
        shutil.rmtree(folder)


def _sizes(layout: Layout) -> dict[str, int]:
    """Bytes by day, events and quarantine."""
    sizes: dict[str, int] = {}
    for day, path in _files(layout):
        sizes[day] = sizes.get(day, 0) + path.stat().st_size
    return sizes


def _files(layout: Layout) -> Iterator[tuple[str, Path]]:
    for path in layout.events.glob("*/date=*/host=*/*.parquet"):
        yield path.parent.parent.name.removeprefix("date="), path
    for path in layout.quarantine.glob("*.jsonl"):
        yield path.stem, path
