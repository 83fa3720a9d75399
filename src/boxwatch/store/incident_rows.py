"""Incidents as rows of state.db and back; causes and detections are JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.incidents.incident import Cause, Incident, State

COLUMNS: Final = (
    "id, host, entity, start_us, end_us, state, severity, title, action, causes, detections"
)


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
    """The incident whose `COLUMNS` are `row`."""
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
    )


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
