"""Where everything lies in a data folder, and which version of it this program can read.

format.json                              {"format": 1}
lock                                     held by the process that writes
state.db                                 batches, positions, checkpoint, incidents (SQLite)
events/<table>/date=D/host=H/N.parquet   N = one batch, or first-last of a compacted run;
                                         H = %many: a few rows each of several hosts
events/<table>/date=D/host=H/NAME.digest what questions made of its rows; may be removed
quarantine/D.jsonl                       records that could not be understood
damaged/                                 files that failed their check, moved aside
spool/                                   what was received and is not stored yet
ingested/ processed/ models/ reports/    raw artifacts, exports, models, reports
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import xxhash

from boxwatch.errors import StoreDamaged, StoreError, StoreTooNew
from boxwatch.store.durable import write_whole

FORMAT: Final = 1
TABLES: Final = ("logs", "samples")

MANY: Final = "%many"  # the folder of parts that hold several hosts; no host's name becomes it

_LONGEST_NAME: Final = 180  # a file name may have 255 bytes (NAME_MAX); room for prefixes
_NO_NAME: Final = "%"  # quote() never makes a lone percent sign


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one data folder."""

    root: Path

    @property
    def format_file(self) -> Path:
        """The file that tells the version of the folder."""
        return self.root / "format.json"

    @property
    def lock(self) -> Path:
        """The file whose lock makes one process the writer."""
        return self.root / "lock"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "state.db"

    @property
    def events(self) -> Path:
        """The folder of the event tables."""
        return self.root / "events"

    @property
    def quarantine(self) -> Path:
        """The folder of records that could not be understood."""
        return self.root / "quarantine"

    @property
    def damaged(self) -> Path:
        """The folder of files that failed their check."""
        return self.root / "damaged"

    @property
    def spool(self) -> Path:
        """The folder of what was received and is not stored yet."""
        return self.root / "spool"

    @property
    def ingested(self) -> Path:
        """The folder of raw artifacts."""
        return self.root / "ingested"

    @property
    def processed(self) -> Path:
        """The folder of exports."""
        return self.root / "processed"

    @property
    def models(self) -> Path:
        """The folder of models."""
        return self.root / "models"

    @property
    def reports(self) -> Path:
        """The folder of reports."""
        return self.root / "reports"

    def day(self, table: str, date: str) -> Path:
        """The folder of one day of one table."""
        return self.events / table / f"date={date}"

    def partition(self, table: str, date: str, host: str | None) -> Path:
        """The folder of one host's day of one table."""
        return self.day(table, date) / f"host={path_name(host)}"


def path_name(name: str | None) -> str:
    """`name` as one path component that cannot escape its folder, whatever the name holds.

    Letters, digits, `_`, `-`, `~` and inner dots stay; everything else is percent-encoded. An
    unknown or empty name is `%`. A name too long for a file system is cut and ends in its hash.
    """
    if name is None or name == "":
        return _NO_NAME
    quoted = quote(name, safe="")
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    if len(quoted) > _LONGEST_NAME:
        return f"{quoted[:100]}%~{xxhash.xxh3_64_hexdigest(name.encode())}"
    return quoted


def claim(layout: Layout, *, create: bool) -> None:
    """Check that this program can use the folder; make it if `create` and there is none.

    Raises:
        StoreTooNew: a newer program wrote it.
        StoreDamaged: the version cannot be told.
        StoreError: there is no data folder and `create` is false.

    """
    if not layout.format_file.exists():
        if layout.events.exists() or layout.database.exists():
            raise StoreDamaged(
                f"{layout.format_file} is missing, though the folder holds records.",
                hint=f"Run `boxwatch repair --data {layout.root}`.",
            )
        if not create:
            raise StoreError(
                f"There is no data folder at {str(layout.root)!r}.",
                hint="Name another with --data, or make one with `boxwatch up`.",
            )
        write_format(layout)
        return
    _check_format(layout)
    if database_lost(layout):
        raise StoreDamaged(
            f"{layout.database} is missing or empty, though the folder holds records.",
            hint=f"Run `boxwatch repair --data {layout.root}`.",
        )


def database_lost(layout: Layout) -> bool:
    """Whether there are events but no database: it is made before the first event is written."""
    if not layout.events.exists():
        return False
    return not layout.database.exists() or layout.database.stat().st_size == 0


def write_format(layout: Layout) -> None:
    """Mark the folder as written by this program."""
    layout.root.mkdir(parents=True, exist_ok=True)
    write_whole(layout.format_file, json.dumps({"format": FORMAT}).encode() + b"\n")


def _check_format(layout: Layout) -> None:
    raw = layout.format_file.read_bytes()
    try:
        found = json.loads(raw)["format"]
    except (ValueError, KeyError, TypeError):
        found = None
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise StoreDamaged(
            f'{layout.format_file} holds {raw[:80]!r}, must be {{"format": {FORMAT}}}.',
            hint=f"Run `boxwatch repair --data {layout.root}`.",
        )
    if found > FORMAT:
        raise StoreTooNew(
            f"The data folder {str(layout.root)!r} has format {found}; "
            f"this Boxwatch reads up to {FORMAT}.",
            hint="Install the newer Boxwatch, or name another folder with --data.",
        )
