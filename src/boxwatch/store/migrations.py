"""The schemas of our databases: steps that are only ever added to; step N leads to version N."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from boxwatch.errors import StoreTooNew

_FIRST: Final = """
CREATE TABLE batches (
    seq INTEGER PRIMARY KEY,
    now_us INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    positions TEXT            -- only the newest batch keeps them
) STRICT;
CREATE TABLE quarantine (     -- how much of each day's file is committed
    day TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    records INTEGER NOT NULL,
    dropped INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
CREATE TABLE stages (
    name TEXT PRIMARY KEY,
    state BLOB NOT NULL
) STRICT;
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    entity TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    state TEXT NOT NULL,      -- what the machine says
    verdict TEXT,             -- what a person says; goes before the machine's
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    action TEXT NOT NULL,
    causes TEXT NOT NULL,
    detections TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_by_end ON incidents (end_us);
CREATE TABLE history (
    number INTEGER PRIMARY KEY,
    incident TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    state TEXT NOT NULL,
    by TEXT NOT NULL,         -- machine or person
    note TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_incident ON history (incident);
"""

_LEDGER: Final = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    task TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    ended_us INTEGER,
    state TEXT NOT NULL,      -- running, finished, failed or lost
    recipe TEXT NOT NULL,     -- JSON: settings, seed, code version
    selection TEXT NOT NULL,  -- JSON: what it was trained on
    version INTEGER,          -- of the models that came out; NULL = none did
    outcome TEXT NOT NULL     -- JSON: artifacts by part, figures; why it failed
) STRICT;
CREATE UNIQUE INDEX runs_by_version ON runs (task, version);
CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    task TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    role TEXT NOT NULL,       -- champion or challenger
    version INTEGER,          -- NULL = nobody any more
    before INTEGER,           -- who had the role
    state TEXT NOT NULL,      -- done, or refused
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    evidence TEXT NOT NULL    -- JSON: the verdicts of the gates
) STRICT;
CREATE INDEX changes_by_role ON changes (task, role, state, number);
"""

_LABELS: Final = """
CREATE TABLE labels (         -- what people said of incidents; the newest row of one is true
    number INTEGER PRIMARY KEY,
    incident TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    opinion TEXT,             -- real, false or expected; NULL = taken back
    by TEXT NOT NULL,
    note TEXT NOT NULL,
    until_us INTEGER          -- how long it is expected
) STRICT;
CREATE INDEX labels_by_incident ON labels (incident, number);
CREATE TABLE drift_checks (
    number INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    report TEXT NOT NULL      -- JSON
) STRICT;
"""

_LESSONS: Final = """
CREATE TABLE lessons (        -- what learning by itself did and why
    number INTEGER PRIMARY KEY,
    task TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    ended_us INTEGER,
    state TEXT NOT NULL,      -- running, done, failed or lost
    cause TEXT NOT NULL,      -- first, schedule, drift, labels, command, shadow
    why TEXT NOT NULL,
    outcome TEXT NOT NULL,
    version INTEGER,          -- of the models it is about
    details TEXT NOT NULL     -- JSON
) STRICT;
"""

STEPS: Final = (_FIRST, _LABELS)  # of state.db
LEDGER_STEPS: Final = (_LEDGER, _LESSONS)  # of models/ledger.db


def migrate(
    connection: sqlite3.Connection, path: Path, steps: Sequence[str], *, writable: bool
) -> None:
    """Bring the database to the newest version; each step is one transaction.

    Raises:
        StoreTooNew: a newer program has already gone further.

    """
    version = version_of(connection)
    if version > len(steps):
        raise StoreTooNew(
            f"{str(path)!r} has schema version {version}; this Boxwatch knows up to {len(steps)}.",
            hint="Install the newer Boxwatch, or name another folder with --data.",
        )
    if not writable:
        return
    while version < len(steps):
        # Two processes may open a new folder at once: the step is decided under the write lock.
        connection.execute("BEGIN IMMEDIATE")
        version = version_of(connection)
        if version < len(steps):
            for statement in _statements(steps[version]):
                connection.execute(statement)
            version += 1
            connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database; 0 for a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    """The statements of `script`; executescript() would commit the transaction on its own."""
    found, pending = [], ""
    for line in script.strip().splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
