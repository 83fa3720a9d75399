"""A line that is missing, in words: how it was before, and how it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

from boxwatch.clock import from_micros
from boxwatch.detections.detection import (
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.logs.beats import Beat
from boxwatch.detections.logs.slots import Group
from boxwatch.units import print_duration

MISSING: Final = "line-missing"

_LONGEST: Final = 90  # characters of a template in a sentence


@dataclass(slots=True)
class Lost:
    """An open finding. Times are watched seconds."""

    found: Detection
    since: float
    place: int
    before: str  # how it was, in words
    event_id: int
    told: float = 0.0
    times: int = 0  # that it came all the same
    kept: int = 0  # gaps as they should be, since the last one that was not

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return asdict(self) | {"found": to_record(self.found)}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The finding that `save` described."""
        return cls(**{**saved, "found": from_record(saved["found"])})


def lost_line(service: str, template: str, beat: Beat) -> Lost:
    """The finding that lines like `template` of `service` ("host NUL entity") are missing."""
    host, _, entity = service.partition("\0")
    start = instant(beat.when)
    found = Detection(
        host=host,
        entity=entity,
        start=start,
        end=start,
        open=True,
        kind=Kind.SELDOM,
        name=MISSING,
        severity=Severity.MEDIUM,
    )
    return Lost(found, beat.at, beat.place, _before(template, beat), beat.event_id)


def told(lost: Lost, seconds: float, lines: int, latest: Group) -> tuple[Reason, ...]:
    """Why: how it was and how it is, after so long; `latest` is what its service wrote last."""
    span = f"{print_duration(seconds)} and {lines:,} lines"
    times = "once" if lost.times == 1 else f"{lost.times:,} times"
    now = f"now {times} in {span}" if lost.times else f"now {span} without it"
    entity = lost.found.entity
    return (
        Reason(f"{lost.before}; {now}", entity, "missing_line", lost.event_id),
        Reason(f"what it writes meanwhile: {latest.line}", entity, "", latest.event_id),
    )


def instant(at: float) -> datetime:
    """So many seconds since the epoch as a time, to the microsecond."""
    return from_micros(round(at * 1e6))


def _before(template: str, beat: Beat) -> str:
    """How often a line came, and how far apart."""
    shown = template if len(template) <= _LONGEST else f"{template[: _LONGEST - 1]}…"
    seconds, lines = beat.seconds.usual(), beat.lines.usual()
    beyond = max(seconds.beyond, lines.beyond)
    far = f"{print_duration(seconds.longest)} or {lines.longest:,.0f} lines apart"
    share = min(100 * (1 - beyond / beat.seconds.count), 99.99)
    apart = f"at most {far} in {share:.4g} % of cases" if beyond else f"never more than {far}"
    return f"`{shown}`: seen {beat.heard:,} times, {apart}"
