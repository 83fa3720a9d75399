"""Novelty: an error line of a kind that this service has never written.

New kinds of line come all the time; new kinds of *error* from a service that has been watched for
a while seldom do. How seldom is measured: a service that often errs in new ways has to err in
several new ways at once before it is a finding (Good 1953: the chance that the next kind is new is
the share of kinds seen once).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

import polars as pl

from boxwatch.detections.detection import (
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)

_ERROR: Final = 17  # OpenTelemetry severity number
_LEAST_AGE: Final = timedelta(minutes=30)
_LEAST_LINES: Final = 50
_HOLD: Final = timedelta(seconds=60)  # a finding stays open so long after its last line
_LONGEST_LINE: Final = 160
_NEW_A_DAY: Final = 3.0  # new kinds of error a day that make a service one that is always new


@dataclass(slots=True)
class Acquaintance:
    """How long and how well a service is known."""

    first: float
    lines: int = 0
    new_errors: int = 0


class NoveltyWatch:
    """Finds new kinds of error, from logs that carry `template`, `new` and `entity`."""

    def __init__(self) -> None:
        self._known: dict[str, Acquaintance] = {}
        self._open: dict[str, Detection] = {}

    def add(self, logs: pl.DataFrame, now: datetime) -> list[Detection]:
        """The findings that opened, grew or ended. `logs` in order of arrival."""
        changed: dict[str, Detection] = {}
        for row in self._new_errors(logs):
            detection = self._judge(row)
            if detection is not None:
                self._open[f"{detection.host}\0{detection.entity}"] = detection
                changed[detection.id] = detection
        for key, detection in list(self._open.items()):
            if now - detection.end >= _HOLD:
                changed[detection.id] = detection.grown(detection.end, still_open=False)
                del self._open[key]
        return list(changed.values())

    def _new_errors(self, logs: pl.DataFrame) -> list[dict[str, object]]:
        """Meet the services of `logs`; the rows that are errors of a new kind."""
        with_entity = logs.filter(pl.col("entity").is_not_null()).with_columns(
            pl.int_range(1, pl.len() + 1).over("host", "entity").alias("nth")
        )
        met = with_entity.group_by("host", "entity").agg(
            pl.col("time").min().alias("first"), pl.len().alias("lines")
        )
        fresh = with_entity.filter(pl.col("new") & (pl.col("severity") >= _ERROR)).sort(
            "time", maintain_order=True
        )
        rows = fresh.select(
            "host", "entity", "time", "message", "event_id", "nth", "severity"
        ).to_dicts()
        for row in rows:
            before = self._known.get(f"{row['host']}\0{row['entity']}")
            row["lines_before"] = (before.lines if before else 0) + row["nth"] - 1
            row["first"] = before.first if before else None
        for host, entity, first, lines in met.iter_rows():
            key = f"{host}\0{entity}"
            known = self._known.setdefault(key, Acquaintance(first.timestamp()))
            known.lines += lines
        return rows

    def _judge(self, row: dict[str, object]) -> Detection | None:
        key = f"{row['host']}\0{row['entity']}"
        known = self._known[key]
        time = cast("datetime", row["time"])
        age = time.timestamp() - known.first
        often = known.new_errors / max(age / 86_400, 0.25)
        known.new_errors += 1
        if age < _LEAST_AGE.total_seconds() or cast("int", row["lines_before"]) < _LEAST_LINES:
            return None
        line = str(row["message"])[:_LONGEST_LINE]
        reason = Reason(
            f"never seen in {age / 3600:.1f} h and {row['lines_before']} lines: {line}",
            entity=str(row["entity"]),
            metric="lines",
            event_id=cast("int", row["event_id"]),
        )
        before = self._open.get(key)
        if before is not None:
            return replace(before, end=time, reasons=(*before.reasons, reason)[:8])
        if often > _NEW_A_DAY:
            return None
        return Detection(
            host=str(row["host"]),
            entity=str(row["entity"]),
            start=time,
            end=time,
            open=True,
            kind=Kind.NOVELTY,
            name="new-error",
            severity=Severity.MEDIUM,
            reasons=(reason,),
        )

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "known": {key: asdict(known) for key, known in self._known.items()},
            "open": {key: to_record(found) for key, found in self._open.items()},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._known = {key: Acquaintance(**state) for key, state in saved["known"].items()}
        self._open = {key: from_record(found) for key, found in saved["open"].items()}
