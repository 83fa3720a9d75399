"""An incident: one thing that happened, for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from boxwatch.detections.detection import Detection, Severity


class State(StrEnum):
    """Where an incident stands. `open` and `resolved` follow the machine; the others a person."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class Cause:
    """One possible cause; `confidence` is 0-1 and says `why` it is believed."""

    text: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happened.

    `end` is the last instant anything of it was seen. `detections` are the findings that were
    grouped, strongest first; they carry the evidence (lines by event id, series by name).
    """

    id: str
    host: str
    entity: str
    start: datetime
    end: datetime
    state: State
    severity: Severity
    title: str
    causes: tuple[Cause, ...]
    action: str
    detections: tuple[Detection, ...]

    @property
    def entities(self) -> tuple[str, ...]:
        """Every entity it touches, the main one first."""
        return tuple(dict.fromkeys([self.entity, *(d.entity for d in self.detections)]))
