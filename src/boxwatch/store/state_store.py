"""What the pipeline knows between batches, and the incidents a person sees."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from boxwatch.clock import Clock, SystemClock, from_micros, to_micros
from boxwatch.errors import UsageError
from boxwatch.incidents.incident import Incident, Opinion, State
from boxwatch.store.database import Database
from boxwatch.store.drift_checks import DRIFT_CHECK, DriftCheck
from boxwatch.store.incident_rows import COLUMNS, LABEL, Change, from_row, note_change, upsert
from boxwatch.store.layout import Layout, claim

# What a person said goes before what the machine says, in every reading.
_EFFECTIVE: Final = "coalesce(verdict, state)"
_SELECT: Final = f"SELECT {COLUMNS.replace('state', _EFFECTIVE)}, {LABEL} FROM incidents"  # noqa: S608
_VERDICTS: Final = (State.ACKNOWLEDGED, State.FALSE_ALARM)  # what only a person can say


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of every stage after batch `seq`."""

    seq: int
    stages: Mapping[str, bytes]


class StateStore:
    """Checkpoints and incidents of one data folder.

    Open it beside the `EventStore` that writes, or alone to read incidents and to say what a
    person thinks of them: that needs no lock on the folder.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Do not call: `StateStore.open` does."""
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path: Path, *, clock: Clock | None = None) -> Self:
        """Open the state of the data folder at `path`; `clock` dates what a person says.

        Raises:
            StoreTooNew: a newer Boxwatch wrote the folder.
            StoreDamaged: its version or database cannot be read.
            StoreError: there is no data folder.

        """
        layout = Layout(path)
        claim(layout, create=False)
        return cls(
            Database(layout.database, writable=True), SystemClock() if clock is None else clock
        )

    def checkpoint(
        self, seq: int, stages: Mapping[str, bytes], incidents: Sequence[Incident] = ()
    ) -> None:
        """Make the state after batch `seq` and the changed `incidents` true together.

        `stages` replace all of the last checkpoint's. Durable on return.

        Raises:
            StoreFull: no room; the last checkpoint still stands.

        """
        with self._database.transaction() as transaction:
            transaction.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?)", (seq,))
            gone = [
                (name,)
                for (name,) in transaction.execute("SELECT name FROM stages").fetchall()
                if name not in stages
            ]
            transaction.executemany("DELETE FROM stages WHERE name = ?", gone)
            transaction.executemany(
                "INSERT INTO stages VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                stages.items(),
            )
            upsert(transaction, incidents)

    def note(self, incidents: Sequence[Incident]) -> None:
        """Make changed `incidents` known ahead of the checkpoint that covers them.

        After a crash the batches since the last checkpoint are judged again, which writes the same
        incidents again: that changes nothing.

        Raises:
            StoreFull: no room; nothing of it is known.

        """
        with self._database.transaction() as transaction:
            upsert(transaction, incidents)

    def load_checkpoint(self) -> Checkpoint | None:
        """The last checkpoint; None where there is none."""
        with self._database.guarded():
            # One statement sees one state, even while another process writes a checkpoint.
            rows = self._database.connection.execute(
                "SELECT seq, name, state FROM checkpoint LEFT JOIN stages"
            ).fetchall()
        if not rows:
            return None
        return Checkpoint(rows[0][0], {name: state for _, name, state in rows if name is not None})

    def incidents(
        self,
        state: State | None = None,
        since: datetime | None = None,
        host: str | Collection[str] | None = None,
        limit: int | None = None,
    ) -> list[Incident]:
        """The incidents in a state, seen at or after `since`, of one host or of several.

        By start, then id.

        `limit` keeps the newest of them: reading thousands takes seconds.
        """
        conditions: list[str] = []
        values: list[object] = []
        if state is not None:
            conditions.append(f"{_EFFECTIVE} = ?")
            values.append(str(state))
        if since is not None:
            conditions.append("end_us >= ?")
            values.append(to_micros(since))
        if host is not None:
            conditions.append("host IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([host] if isinstance(host, str) else list(host)))
        where = " AND ".join(conditions)
        query = f"{_SELECT}{' WHERE ' if where else ''}{where} ORDER BY start_us DESC, id DESC"
        if limit is not None:
            query += " LIMIT ?"
            values.append(limit)
        return [from_row(row) for row in reversed(self._rows(query, *values))]

    def incident(self, name: str) -> Incident:
        """The incident with the id `name`, or the only one whose id begins so.

        Raises:
            UsageError: none, or several; names them.

        """
        rows = self._rows(
            f"{_SELECT} WHERE substr(id, 1, ?) = ? ORDER BY id != ?, id LIMIT 6",
            len(name),
            name,
            name,
        )
        if name and rows and (len(rows) == 1 or rows[0][0] == name):
            return from_row(rows[0])
        if rows and name:
            ids = ", ".join(row[0] for row in rows[:5])
            raise UsageError(
                f"{name!r} begins several incidents: {ids}{', …' if len(rows) > 5 else ''}.",
                hint="Give more of the id.",
            )
        known = [row[0] for row in self._rows("SELECT id FROM incidents")]
        near = ", ".join(difflib.get_close_matches(name, known))
        raise UsageError(
            f"There is no incident {name!r}.",
            hint=f"{f'The nearest: {near}. ' if near else ''}"
            "`boxwatch incidents list` shows their ids.",
        )

    def set_state(self, name: str, state: State, note: str = "") -> Incident:
        """Say what a person thinks of an incident; returns it as it then is.

        `acknowledged` and `false_alarm` stay whatever the machine finds later; `open` and
        `resolved` give it back to the machine.

        Raises:
            UsageError: no incident, or several, have that id.

        """
        found = self.incident(name)
        verdict = str(state) if state in _VERDICTS else None
        with self._database.transaction() as transaction:
            if verdict is None:
                transaction.execute(
                    "UPDATE incidents SET verdict = NULL, state = ? WHERE id = ?",
                    (str(state), found.id),
                )
            else:
                transaction.execute(
                    "UPDATE incidents SET verdict = ? WHERE id = ?", (verdict, found.id)
                )
            change = Change(self._clock.now(), state, "person", note)
            note_change(transaction, found.id, change)
        return self.incident(found.id)

    def give_label(
        self,
        name: str,
        opinion: Opinion | None,
        by: str,
        note: str = "",
        until: datetime | None = None,
    ) -> Incident:
        """Write down what the person `by` says an incident was; returns it as it then is.

        Nothing that was said before is lost, the newest word counts; None takes it back.

        Raises:
            UsageError: no incident, or several, have that id.

        """
        found = self.incident(name)
        row = (found.id, to_micros(self._clock.now()), opinion and str(opinion), by, note)
        with self._database.transaction() as transaction:
            transaction.execute(
                "INSERT INTO labels (incident, at_us, opinion, by, note, until_us) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*row, None if until is None else to_micros(until)),
            )
        return self.incident(found.id)

    def labelled(self, opinion: Opinion) -> list[Incident]:
        """The incidents with this label, by start."""
        ever = "id IN (SELECT incident FROM labels WHERE opinion = ?)"
        rows = self._rows(f"{_SELECT} WHERE {ever} ORDER BY start_us, id", str(opinion))
        found = map(from_row, rows)
        return [one for one in found if one.label is not None and one.label.opinion is opinion]

    def labels_given(self) -> int:
        """How many labels were given and taken back so far: whether there is anything to hear."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM labels")[0][0])

    def keep_drift(self, report: str) -> None:
        """Keep the JSON of a check for drift; those before it stay."""
        row = (to_micros(self._clock.now()), report)
        with self._database.transaction() as transaction:
            transaction.execute("INSERT INTO drift_checks (at_us, report) VALUES (?, ?)", row)

    def last_drift(self) -> DriftCheck | None:
        """The last check for drift; None where none was made."""
        rows = self._rows(DRIFT_CHECK)
        return DriftCheck(from_micros(rows[0][0]), *rows[0][1:]) if rows else None

    def history(self, name: str) -> list[Change]:
        """Every change of an incident's state, in the order they were made."""
        rows = self._rows(
            "SELECT at_us, state, by, note FROM history WHERE incident = ? ORDER BY number",
            self.incident(name).id,
        )
        return [Change(from_micros(at), State(state), by, note) for at, state, by, note in rows]

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.rows(query, values)
