"""What a rule has found so far: the record that grows, is announced, and ends.

An open finding is announced again at most once a minute of its own time, so that a fault that
lasts for days does not write a row every second; its end is then exact to that minute, and exact
to the microsecond once it is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from boxwatch.clock import from_micros
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.detections.known.rules import RULES

SECOND: Final = 1_000_000
GRID: Final = 60 * SECOND


@dataclass(slots=True)
class Finding:
    """One finding of one rule about one entity; times in microseconds since the epoch."""

    rule: str
    host: str
    entity: str
    first: int
    last: int
    severity: str
    count: int = 0
    reasons: list[dict[str, object]] = field(default_factory=list)
    announced: int | None = None  # the end it was last announced with; null = never
    announced_severity: str = ""
    closed: bool = False

    def shown_end(self) -> int:
        """The end to announce while it is open: whole minutes after the start."""
        return self.first + (self.last - self.first) // GRID * GRID

    def news(self, *, closing: bool) -> Detection | None:
        """The finding to hand on now, or null when nothing is new about it."""
        if closing and self.closed:
            return None
        end = self.last if closing else self.shown_end()
        known = self.announced is not None and not self.closed
        if (
            not closing
            and known
            and (end, self.severity)
            == (
                self.announced,
                self.announced_severity,
            )
        ):
            return None
        self.announced, self.announced_severity, self.closed = end, self.severity, closing
        return Detection(
            host=self.host,
            entity=self.entity,
            start=from_micros(self.first),
            end=from_micros(end),
            open=not closing,
            kind=Kind.MISSING if RULES[self.rule].missing else Kind.KNOWN,
            name=self.rule,
            severity=Severity(self.severity),
            reasons=tuple(Reason(**reason) for reason in self.reasons),  # type: ignore[arg-type]
        )


def reason(
    text: str, *, entity: str = "", metric: str = "", event_id: int | None = None
) -> dict[str, object]:
    """A `Reason` as a JSON-able mapping, as findings keep it."""
    return {
        "text": text,
        "entity": entity,
        "metric": metric,
        "event_id": event_id,
        "share": None,
    }
