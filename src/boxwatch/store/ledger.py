"""The ledger of models: what was trained from what, and which version was in use when, and why.

One SQLite file, models/ledger.db; rows are added, and a run is finished once. A version is one
run's models, all parts together (v7 = the seventh run that came to its end). Which version is
champion follows from the changes alone; champions.json, which the watcher reads, is made from them
and made again where a crash came between.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Self, get_args

from boxwatch.clock import Clock, SystemClock, from_micros, to_micros
from boxwatch.errors import UsageError
from boxwatch.store.champions import read_champions, write_champions
from boxwatch.store.database import Database
from boxwatch.store.durable import make_folder
from boxwatch.store.ledger_rows import COLUMNS, Decision, Role, RoleChange, Run, to_run
from boxwatch.store.migrations import LEDGER_STEPS

_FILE: Final = "ledger.db"


class Ledger:
    """The ledger of one folder of models, for one task."""

    def __init__(self, folder: Path, task: str, database: Database, clock: Clock) -> None:
        """Do not call: `Ledger.open` does."""
        self._folder = folder
        self._task = task
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, task: str, *, writable: bool, clock: Clock | None = None) -> Self:
        """Open the ledger in `folder`; made where it is not there and `writable`.

        Raises:
            StoreError: it cannot be opened, or is not there to be read.
        """
        if writable:
            make_folder(folder)
        database = Database(folder / _FILE, writable=writable, steps=LEDGER_STEPS)
        found = cls(folder, task, database, SystemClock() if clock is None else clock)
        if writable:
            with database.transaction():
                found._make_champions_true()
        return found

    def begin(self, recipe: Mapping[str, object], selection: Mapping[str, object]) -> int:
        """Write down a run before it begins; its number. The caller is the only one to train.

        Runs that have not ended are lost: their process is gone.
        """
        values = (
            self._task,
            to_micros(self._clock.now()),
            json.dumps(recipe),
            json.dumps(selection),
        )
        with self._database.transaction() as transaction:
            transaction.execute(
                "UPDATE runs SET state = 'lost' WHERE state = 'running' AND task = ?", values[:1]
            )
            return int(
                transaction.execute(
                    "INSERT INTO runs (task, began_us, state, recipe, selection, outcome) "
                    "VALUES (?, ?, 'running', ?, ?, '{}') RETURNING number",
                    values,
                ).fetchone()[0]
            )

    def finish(self, number: int, parts: Mapping[str, str], figures: Mapping[str, object]) -> int:
        """End run `number`; the version of its models.

        Args:
            number: From `begin`.
            parts: The artifact of each part, all on disk by now.
            figures: What was measured of them.
        """
        outcome = json.dumps({"parts": dict(parts), "figures": dict(figures)})
        with self._database.transaction() as transaction:
            return int(
                transaction.execute(
                    "UPDATE runs SET state = 'finished', ended_us = ?, outcome = ?, version = "
                    "(SELECT coalesce(max(version), 0) + 1 FROM runs WHERE task = ?) "
                    "WHERE number = ? AND state = 'running' RETURNING version",
                    (to_micros(self._clock.now()), outcome, self._task, number),
                ).fetchone()[0]
            )

    def fail(self, number: int, reason: str) -> None:
        """End run `number` without models."""
        with self._database.transaction() as transaction:
            transaction.execute(
                "UPDATE runs SET state = 'failed', ended_us = ?, outcome = ? WHERE number = ?",
                (to_micros(self._clock.now()), json.dumps({"reason": reason}), number),
            )

    def runs(self) -> list[Run]:
        """All runs of the task, the newest first."""
        found = self._database.rows(
            f"SELECT {COLUMNS} FROM runs WHERE task = ? ORDER BY number DESC",  # noqa: S608
            (self._task,),
        )
        return [to_run(row) for row in found]

    def version(self, version: int) -> Run:
        """The run that made `version`.

        Raises:
            UsageError: there is none.
        """
        found = self._database.rows(
            f"SELECT {COLUMNS} FROM runs WHERE task = ? AND version = ?",  # noqa: S608
            (self._task, version),
        )
        if not found:
            newest = self._database.rows(
                "SELECT max(version) FROM runs WHERE task = ?", (self._task,)
            )[0][0]
            there = "none yet" if newest is None else f"v1 to v{newest}"
            raise UsageError(
                f"There is no version v{version}.",
                hint=f"There are: {there}. See `boxwatch models list`.",
            )
        return to_run(found[0])

    def holder(self, role: Role) -> int | None:
        """The version that has `role`."""
        found = self._database.rows(
            "SELECT version FROM changes WHERE task = ? AND role = ? AND state = 'done' "
            "ORDER BY number DESC LIMIT 1",
            (self._task, role),
        )
        return found[0][0] if found else None

    def changes(self) -> list[RoleChange]:
        """Who had which role when; the newest first."""
        found = self._database.rows(
            "SELECT at_us, role, version, before, state, by, why, evidence FROM changes "
            "WHERE task = ? ORDER BY number DESC",
            (self._task,),
        )
        return [
            RoleChange(
                from_micros(at),
                role,
                version,
                before,
                state == "done",
                Decision(by, why, json.loads(text)),
            )
            for at, role, version, before, state, by, why, text in found
        ]

    def give(self, role: Role, version: int | None, before: int | None, decision: Decision) -> bool:
        """Give `role` to `version`, if `before` still has it; whether it was given.

        Of two who promote at once, the second finds another champion than the one it compared
        with: it is refused, and the history tells of both.
        """
        with self._database.transaction() as transaction:
            holds = self.holder(role)
            done = holds == before
            if not done:
                why = f"{decision.why}; refused: {_named(holds)} had become {role} meanwhile"
                decision = replace(decision, why=why)
            self._write(
                transaction, RoleChange(self._clock.now(), role, version, holds, done, decision)
            )
            if done:
                self._make_champions_true()
        return done

    def refuse(self, role: Role, version: int, decision: Decision) -> None:
        """Write down that `version` was not given `role`."""
        with self._database.transaction() as transaction:
            self._write(
                transaction,
                RoleChange(
                    self._clock.now(),
                    role,
                    version,
                    self.holder(role),
                    done=False,
                    decision=decision,
                ),
            )

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _write(self, transaction: sqlite3.Connection, change: RoleChange) -> None:
        transaction.execute(
            "INSERT INTO changes (task, at_us, role, version, before, state, by, why, evidence) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._task,
                to_micros(change.at),
                change.role,
                change.version,
                change.before,
                "done" if change.done else "refused",
                change.decision.by,
                change.decision.why,
                json.dumps(change.decision.evidence),
            ),
        )

    def _make_champions_true(self) -> None:
        """Write the files of roles as the changes have it; none where there never was one.

        Under the write lock: of two promotions, the later is the one that stays in the file.
        """
        tasks = self._database.rows("SELECT DISTINCT task FROM changes ORDER BY task")
        for role in get_args(Role):
            parts: dict[str, str] = {}
            for (task,) in tasks:
                one = Ledger(self._folder, task, self._database, self._clock)
                holder = one.holder(role)
                parts |= {} if holder is None else one.version(holder).parts
            if (parts or role != "champion") and read_champions(self._folder, role) != parts:
                write_champions(self._folder, parts, role)


def _named(version: int | None) -> str:
    return "nobody" if version is None else f"v{version}"
