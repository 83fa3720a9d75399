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


class Opinion(StrEnum):
    """What a person says an incident was."""

    REAL = "real"  # something was wrong
    FALSE = "false"  # nothing was
    EXPECTED = "expected"  # something was unusual, and meant to be


@dataclass(frozen=True, slots=True)
class Label:
    """A person's opinion of an incident: whose, when, and why; `until` is an expectation's end."""

    opinion: Opinion
    by: str
    at: datetime
    note: str = ""
    until: datetime | None = None


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
    `label` is what a person says it was; only the store knows it.
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
    label: Label | None = None

    @property
    def opinion(self) -> Opinion | None:
        """What a person says it was: the label, else a false alarm; None = nobody said."""
        if self.label is not None:
            return self.label.opinion
        return Opinion.FALSE if self.state is State.FALSE_ALARM else None

    @property
    def wrong(self) -> bool:
        """Whether something was wrong for all we know: nobody said that nothing was."""
        return self.opinion in (None, Opinion.REAL)

    @property
    def entities(self) -> tuple[str, ...]:
        """Every entity it touches, the main one first."""
        return tuple(dict.fromkeys([self.entity, *(d.entity for d in self.detections)]))
