"""A detection: one finding about one entity, statistical or from a known-failure rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import polars as pl
import xxhash

from boxwatch.events.schema import TIME, Schema


class Severity(StrEnum):
    """How bad it is for the person, from a note to a page."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 4 for critical."""
        return list(Severity).index(self)


class Kind(StrEnum):
    """Where a finding comes from."""

    KNOWN = "known"  # a known-failure rule matched
    UNUSUAL = "unusual"  # the windows of an entity scored beyond the false-alarm budget
    NOVELTY = "novelty"  # a line that says something never said before
    BURST = "burst"  # lines that come far more often than they used to
    ORDER = "order"  # a line that always follows another, and does not
    SELDOM = "seldom"  # a kind of line that comes all the time, and now hardly or not at all
    MIX = "mix"  # the usual lines, in other proportions
    SILENCE = "silence"  # lines or readings that used to come and do not
    MISSING = "missing"  # an entity or a source is gone


DETECTIONS: Final[Schema] = {
    "id": pl.String(),
    "host": pl.String(),
    "entity": pl.String(),
    "start": TIME,
    "end": TIME,
    "open": pl.Boolean(),
    "kind": pl.String(),
    "name": pl.String(),
    "severity": pl.String(),
    "p_value": pl.Float64(),
    "reasons": pl.String(),  # JSON list of Reason
    "model_version": pl.String(),
}


LATEST: Final = "the latest of them"  # the text of a reason that only names the latest line
HOLD: Final = timedelta(minutes=5)  # a finding about lines stays open so long after its last line
LONGEST_LINE: Final = 160  # characters of a line that a reason tells


@dataclass(frozen=True, slots=True)
class Reason:
    """One checkable piece of evidence.

    `text` is for the person, in numbers ("fan 12 % where 61 % is usual at 310 W"). `metric` with
    `entity` names the series to draw; `event_id` the line; `share` is the part of the score it
    explains (0-1), null for rules. `value` and `usual` are those of a feature, in its own scale.
    """

    text: str
    entity: str = ""
    metric: str = ""
    event_id: int | None = None
    share: float | None = None
    value: float | None = None
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One finding. `end` is the last instant it was seen; `open` says whether it still goes on.

    `name` is a stable slug: a rule id (`gpu-fell-off-bus`), or what is unusual (`host-cpu`).
    An opened finding is handed on again, under the same id, whenever it grows or ends.
    """

    host: str
    entity: str
    start: datetime
    end: datetime
    open: bool
    kind: Kind
    name: str
    severity: Severity
    reasons: tuple[Reason, ...] = ()
    p_value: float | None = None
    model_version: str = ""

    @property
    def id(self) -> str:
        """Stable over restarts: depends on what was found, where, and when it began."""
        key = f"{self.host}\0{self.entity}\0{self.kind}\0{self.name}\0{self.start.isoformat()}"
        return xxhash.xxh3_64_hexdigest(key.encode())

    def grown(self, end: datetime, *, still_open: bool) -> Detection:
        """The same finding, seen until `end`."""
        return replace(self, end=end, open=still_open)


def to_record(found: Detection) -> dict[str, object]:
    """`found` as a JSON-able mapping."""
    return {
        **asdict(found),
        "start": found.start.isoformat(),
        "end": found.end.isoformat(),
        "kind": str(found.kind),
        "severity": str(found.severity),
    }


def from_record(record: Mapping[str, Any]) -> Detection:
    """The finding that `to_record` described."""
    return Detection(
        **{
            **record,
            "start": datetime.fromisoformat(record["start"]),
            "end": datetime.fromisoformat(record["end"]),
            "kind": Kind(record["kind"]),
            "severity": Severity(record["severity"]),
            "reasons": tuple(Reason(**reason) for reason in record["reasons"]),
        }
    )


def to_frame(detections: Sequence[Detection]) -> pl.DataFrame:
    """`detections` as the `detections` table."""
    rows = [
        {
            "id": found.id,
            "host": found.host,
            "entity": found.entity,
            "start": found.start,
            "end": found.end,
            "open": found.open,
            "kind": str(found.kind),
            "name": found.name,
            "severity": str(found.severity),
            "p_value": found.p_value,
            "reasons": json.dumps([asdict(reason) for reason in found.reasons]),
            "model_version": found.model_version,
        }
        for found in detections
    ]
    return pl.DataFrame(rows, schema=dict(DETECTIONS))


def from_frame(frame: pl.DataFrame) -> list[Detection]:
    """The findings of a `detections` table."""
    return [
        Detection(
            host=row["host"],
            entity=row["entity"],
            start=row["start"],
            end=row["end"],
            open=row["open"],
            kind=Kind(row["kind"]),
            name=row["name"],
            severity=Severity(row["severity"]),
            reasons=tuple(Reason(**reason) for reason in json.loads(row["reasons"])),
            p_value=row["p_value"],
            model_version=row["model_version"],
        )
        for row in frame.iter_rows(named=True)
    ]
