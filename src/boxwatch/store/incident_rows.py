"""Incidents as rows of state.db and back; causes and detections are JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.incidents.incident import Cause, Incident, Label, Opinion, State

COLUMNS: Final = (
    "id, host, entity, start_us, end_us, state, severity, title, action, causes, detections"
)
_UPSERT: Final = f"""
INSERT INTO incidents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host, entity = excluded.entity, start_us = excluded.start_us,
    end_us = excluded.end_us, state = excluded.state, severity = excluded.severity,
    title = excluded.title, action = excluded.action, causes = excluded.causes,
    detections = excluded.detections
"""  # noqa: S608
# The newest label of the incident in `incidents`, as JSON.
LABEL: Final = (
    "(SELECT json_array(opinion, by, at_us, note, until_us) FROM labels "
    "WHERE incident = incidents.id ORDER BY number DESC LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an incident's state; `by` is `machine` or `person`."""

    at: datetime
    state: State
    by: str
    note: str


def to_row(incident: Incident) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    return (
        incident.id,
        incident.host,
        incident.entity,
        to_micros(incident.start),
        to_micros(incident.end),
        str(incident.state),
        str(incident.severity),
        incident.title,
        incident.action,
        orjson.dumps([asdict(cause) for cause in incident.causes]).decode(),
        orjson.dumps([_detection_to_json(found) for found in incident.detections]).decode(),
    )


def from_row(row: Sequence[Any]) -> Incident:
    """The incident whose `COLUMNS` and `LABEL` are `row`."""
    return Incident(
        id=row[0],
        host=row[1],
        entity=row[2],
        start=from_micros(row[3]),
        end=from_micros(row[4]),
        state=State(row[5]),
        severity=Severity(row[6]),
        title=row[7],
        action=row[8],
        causes=tuple(Cause(**cause) for cause in orjson.loads(row[9])),
        detections=tuple(_detection_from_json(found) for found in orjson.loads(row[10])),
        label=None if row[11] is None else _label(*orjson.loads(row[11])),
    )


def upsert(transaction: sqlite3.Connection, incidents: Sequence[Incident]) -> None:
    """Write `incidents`; where the machine changes a state, the history says so.

    The machine's changes are dated by the incident, not by a clock: a replay writes the same.
    """
    for incident in incidents:
        before = transaction.execute(
            "SELECT state FROM incidents WHERE id = ?", (incident.id,)
        ).fetchone()
        transaction.execute(_UPSERT, to_row(incident))
        if before is None or before[0] != incident.state:
            at = incident.start if before is None else incident.end
            note_change(transaction, incident.id, Change(at, incident.state, "machine", ""))


def note_change(transaction: sqlite3.Connection, incident: str, change: Change) -> None:
    """Write `change` down; what the machine said before it says again after a crash."""
    row = (incident, to_micros(change.at), str(change.state), change.by, change.note)
    if change.by == "machine":
        same = "incident = ? AND at_us = ? AND state = ? AND by = ? AND note = ?"
        known = transaction.execute(f"SELECT 1 FROM history WHERE {same}", row).fetchone()  # noqa: S608
        if known is not None:
            return
    transaction.execute(
        "INSERT INTO history (incident, at_us, state, by, note) VALUES (?, ?, ?, ?, ?)", row
    )


def _label(opinion: str | None, by: str, at: int, note: str, until: int | None) -> Label | None:
    if opinion is None:
        return None  # it was taken back
    ends = None if until is None else from_micros(until)
    return Label(Opinion(opinion), by, from_micros(at), note, ends)


def _detection_to_json(found: Detection) -> dict[str, object]:
    return {
        **asdict(found),
        "start": to_micros(found.start),
        "end": to_micros(found.end),
        "kind": str(found.kind),
        "severity": str(found.severity),
    }


def _detection_from_json(entry: dict[str, Any]) -> Detection:
    return Detection(
        **{
            **entry,
            "start": from_micros(entry["start"]),
            "end": from_micros(entry["end"]),
            "kind": Kind(entry["kind"]),
            "severity": Severity(entry["severity"]),
            "reasons": tuple(Reason(**reason) for reason in entry["reasons"]),
        }
    )
