"""Opening a database of ours, and saying what went wrong with it in the store's own errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from boxwatch.errors import StoreDamaged, StoreError, StoreLocked
from boxwatch.store.durable import full
from boxwatch.store.migrations import STEPS, migrate

_PATIENCE_S: Final = 10.0  # the longest that another process may hold the write lock
_WRITER: Final = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
_READER: Final = ("PRAGMA query_only = ON", "SELECT count(*) FROM sqlite_schema")
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """One connection to a database, with explicit transactions.

    A commit is durable before it returns (WAL with synchronous FULL): an incident that was sent
    must not be forgotten by a power cut. NORMAL would save one fsync a batch (0.3 ms on an SSD)
    and be as consistent, since positions and batches roll back together.
    """

    def __init__(self, path: Path, *, writable: bool, steps: Sequence[str] = STEPS) -> None:
        self.path = path
        if not writable and not path.exists():
            raise StoreError(
                f"There is no {str(path)!r}.",
                hint="Nothing has been recorded in this folder yet; start with `boxwatch up`.",
            )
        with self.guarded():
            if writable:
                self.connection = self._connect(_WRITER)
            else:
                self.connection = self._connect_reader()
            try:
                migrate(self.connection, path, steps, writable=writable)
            except BaseException:
                self.connection.close()
                raise

    def _connect_reader(self) -> sqlite3.Connection:
        """Connect to read; on a full device too, where nobody writes.

        Readers of a WAL database share an index file of 32 KiB, which the first has to make.
        """
        try:
            return self._connect(_READER)
        except sqlite3.OperationalError:
            log = self.path.with_name(self.path.name + "-wal")
            if (log.exists() and log.stat().st_size > 0) or not self._no_room():
                raise
            return self._connect(_READER, options="?immutable=1")

    def _connect(self, pragmas: tuple[str, ...], options: str = "") -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self.path.absolute()))}{options}",
            uri=True,
            timeout=_PATIENCE_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in pragmas:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what SQLite raises into the store's errors.

        Raises:
            StoreFull: no room left.
            StoreDamaged: the file fails SQLite's own checks.
            StoreLocked: another process did not let go in time.
            StoreError: anything else SQLite refused.

        """
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and self._no_room()):
            return full(self.path)
        if primary in _DAMAGED:
            return StoreDamaged(
                f"{str(self.path)!r} is damaged: {error}.",
                hint=f"Run `boxwatch repair --data {self.path.parent}`.",
            )
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreLocked(
                f"{str(self.path)!r} has been locked by another process for {_PATIENCE_S:.0f} s.",
                hint="Try again, or stop that process.",
            )
        return StoreError(
            f"SQLite refuses {str(self.path)!r}: {error}.",
            hint="Check the owner and the mount of the data folder.",
        )

    def _no_room(self) -> bool:
        """Whether the device is full: SQLite calls some of those failures an I/O error."""
        probe = self.path.with_name("room.tmp")
        try:
            probe.write_bytes(bytes(65536))
        except OSError:
            return True
        finally:
            probe.unlink(missing_ok=True)
        return False

    def check(self) -> None:
        """Walk the whole file once.

        Raises:
            StoreDamaged: SQLite finds an inconsistency.

        """
        with self.guarded():
            verdict = self.connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreDamaged(
                f"{str(self.path)!r} is damaged: {verdict}.",
                hint=f"Run `boxwatch repair --data {self.path.parent}`.",
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All statements inside become true together when it ends, or none does."""
        with self.guarded():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Everything that `query` finds."""
        with self.guarded():
            return self.connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
