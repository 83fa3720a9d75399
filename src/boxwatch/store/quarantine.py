"""Records that could not be understood: one JSONL file a day, bounded, exact over crashes.

The file is written before the batch is committed, and the batch's transaction notes how long it
then is. What stands behind that length was never committed and is cut off at the next start.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import polars as pl

from boxwatch.store.database import Database
from boxwatch.store.durable import make_folder, on_device, sync_folder

DAY_BYTES: Final = 16 * 2**20  # a broken source can fill a disk; what is more is only counted

_RECORD_BYTES: Final = 65536  # a longer record is cut: its beginning tells what it was


@dataclass(frozen=True, slots=True)
class Tally:
    """What one day's quarantine holds: bytes and records kept, and how many more were dropped."""

    bytes: int = 0
    records: int = 0
    dropped: int = 0


class Quarantine:
    """The quarantine folder, together with its committed lengths in state.db."""

    def __init__(self, folder: Path, database: Database, day_bytes: int = DAY_BYTES) -> None:
        self._folder = folder
        self._database = database
        self._day_bytes = day_bytes

    def tallies(self) -> dict[str, Tally]:
        """What is committed, by day."""
        rows = self._database.rows(
            "SELECT day, bytes, records, dropped FROM quarantine ORDER BY day"
        )
        return {day: Tally(*counts) for day, *counts in rows}

    def write(self, day: str, frame: pl.DataFrame) -> Tally:
        """Append the rows of `frame` to the file of `day`; the result is to be committed.

        Raises:
            StoreFull: no room; what was written does not count.

        """
        before = self.tallies().get(day, Tally())
        room = self._day_bytes - before.bytes
        kept, size = [], 0
        for row in frame.iter_rows(named=True):
            line = orjson.dumps({**row, "record": _cut(row["record"])}) + b"\n"
            if size + len(line) > room:
                break
            kept.append(line)
            size += len(line)
        if kept:
            self._append(self._folder / f"{day}.jsonl", before.bytes, b"".join(kept))
        return Tally(
            bytes=before.bytes + size,
            records=before.records + len(kept),
            dropped=before.dropped + frame.height - len(kept),
        )

    def commit(self, transaction: sqlite3.Connection, day: str, tally: Tally) -> None:
        """Make what `write` returned true, within the batch's transaction."""
        transaction.execute(
            "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)",
            (day, tally.bytes, tally.records, tally.dropped),
        )

    def recover(self) -> None:
        """Cut off what no batch committed."""
        committed = self.tallies()
        for path in self._folder.glob("*.jsonl"):
            length = committed.get(path.stem, Tally()).bytes
            if path.stat().st_size > length:
                os.truncate(path, length)

    def forget(self, transaction: sqlite3.Connection, day: str) -> None:
        """Remove the file of `day` and its row."""
        (self._folder / f"{day}.jsonl").unlink(missing_ok=True)
        transaction.execute("DELETE FROM quarantine WHERE day = ?", (day,))

    def _append(self, path: Path, position: int, content: bytes) -> None:
        with on_device(path):
            make_folder(self._folder)
            new = not path.exists()
            with path.open("ab") as file:
                # A batch that failed half-way may have left a tail: the committed length rules.
                file.truncate(position)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self._folder)


def _cut(record: str | None) -> str | None:
    if record is None or len(record) <= _RECORD_BYTES:
        return record
    return record[:_RECORD_BYTES] + "…"
