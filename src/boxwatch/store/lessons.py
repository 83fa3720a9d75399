"""What learning by itself did and why: one row a step, in the ledger of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from boxwatch.clock import Clock, SystemClock, from_micros, to_micros
from boxwatch.store.database import Database
from boxwatch.store.durable import make_folder
from boxwatch.store.migrations import LEDGER_STEPS

LessonState = Literal["running", "done", "failed", "lost"]

_FILE: Final = "ledger.db"
_COLUMNS: Final = "number, began_us, ended_us, state, cause, why, outcome, version, details"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One step: what made it, what came of it.

    Attributes:
        number: Counts all steps from 1.
        began: When it began.
        ended: When it ended; None while it runs, or where its process was gone before the end.
        state: `lost` = its process was gone before the end; `failed` = an error ended it.
        cause: What made it: first, schedule, drift, labels, command or shadow.
        why: The same in a sentence.
        outcome: In a sentence.
        version: Of the models it is about; None = none came of it.
        details: What else is known: how many refusals in a row, what it learned from.
    """

    number: int
    began: datetime
    ended: datetime | None
    state: LessonState
    cause: str
    why: str
    outcome: str
    version: int | None
    details: Mapping[str, Any]


class Lessons:
    """The steps of one task in one folder of models."""

    def __init__(self, task: str, database: Database, clock: Clock) -> None:
        """Do not call: `Lessons.open` does."""
        self._task = task
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, task: str, *, writable: bool, clock: Clock | None = None) -> Self:
        """Open them in `folder`; made where there are none and `writable`.

        Raises:
            StoreError: it cannot be opened, or is not there to be read.
        """
        if writable:
            make_folder(folder)
        database = Database(folder / _FILE, writable=writable, steps=LEDGER_STEPS)
        return cls(task, database, SystemClock() if clock is None else clock)

    def begin(self, cause: str, why: str) -> int:
        """Write down a step before it begins; its number. The caller is the only one to learn.

        Steps that have not ended are lost: their process is gone.
        """
        with self._database.transaction() as transaction:
            transaction.execute(
                "UPDATE lessons SET state = 'lost', outcome = 'ended before it came to an end' "
                "WHERE state = 'running' AND task = ?",
                (self._task,),
            )
            return int(
                transaction.execute(
                    "INSERT INTO lessons (task, began_us, state, cause, why, outcome, details) "
                    "VALUES (?, ?, 'running', ?, ?, '', '{}') RETURNING number",
                    (self._task, to_micros(self._clock.now()), cause, why),
                ).fetchone()[0]
            )

    def end(
        self,
        number: int,
        outcome: str,
        *,
        version: int | None = None,
        details: Mapping[str, object] | None = None,
        failed: bool = False,
    ) -> Lesson:
        """End step `number`; returns it as it is told."""
        with self._database.transaction() as transaction:
            transaction.execute(
                "UPDATE lessons SET state = ?, ended_us = ?, outcome = ?, version = ?, details = ? "
                "WHERE number = ?",
                (
                    "failed" if failed else "done",
                    to_micros(self._clock.now()),
                    outcome,
                    version,
                    json.dumps({} if details is None else dict(details)),
                    number,
                ),
            )
        return next(one for one in self.told() if one.number == number)

    def told(self, limit: int = -1) -> list[Lesson]:
        """The steps, the newest first; the last `limit` of them."""
        found = self._database.rows(
            f"SELECT {_COLUMNS} FROM lessons WHERE task = ? ORDER BY number DESC LIMIT ?",  # noqa: S608
            (self._task, limit),
        )
        return [
            Lesson(
                number,
                from_micros(began),
                None if ended is None else from_micros(ended),
                state,
                cause,
                why,
                outcome,
                version,
                json.loads(details),
            )
            for number, began, ended, state, cause, why, outcome, version, details in found
        ]

    def close(self) -> None:
        """Close the database."""
        self._database.close()
