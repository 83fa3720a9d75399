"""Novelty: an error of a kind that this service has never written, and now writes again and again.

New kinds of line come all the time, and so do errors that are said once and never again. What a
person wants to know is that a service which has been watched for a while has begun to fail in a new
way: an error whose template is new, said at least `_REPEATS` times within `_WITHIN`. One that says
what the service has said before in other words is told, with the line it is like, but weighs less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from boxwatch.detections.detection import (
    HOLD,
    LATEST,
    LONGEST_LINE,
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.logs.failing import fails
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.said_before import SaidBefore
from boxwatch.detections.watched import FORGET_S, Watched

_REPEATS: Final = 3
_SELDOM: Final = (8.0, 3)  # times the age, and lines, from which one that writes seldom is known,
_SELDOM_REPEATS: Final = 6  # and how often its error must come
_WITHIN: Final = timedelta(minutes=20)  # after so long, a new kind of error is an old one
_MOST_FRESH: Final = 500  # new kinds of error watched at once, over all services


@dataclass(slots=True)
class Acquaintance:
    """How long (seconds since the epoch) and how well a service is known.

    `seen` is how many seconds had been watched when it wrote last.
    """

    first: float
    lines: int = 0
    seen: float = 0.0


@dataclass(slots=True)
class Fresh:
    """An error first seen a short while ago.

    `lines_before` is what the service had written; `like` says which error it is like, if any.
    """

    first: float
    age: float
    lines_before: int
    line: str
    event_id: int
    times: int = 0
    latest: float = 0.0
    latest_id: int = 0
    like: str = ""


class NoveltyWatch:
    """Finds new kinds of error, from logs that carry `template`, `new` and `entity`.

    Args:
        learning: How well a service must be known before something is new to it.
    """

    def __init__(self, learning: Learning | None = None) -> None:
        self._learning = Learning() if learning is None else learning
        self._said = SaidBefore()
        self._known: dict[str, Acquaintance] = {}
        self._watched = Watched()
        self._fresh: dict[str, Fresh] = {}  # "host NUL entity NUL template"
        self._open: dict[str, Detection] = {}  # by the same key

    def add(self, logs: pl.DataFrame, now: datetime) -> list[Detection]:
        """The findings that opened, grew or ended. `logs` in order of arrival."""
        changed: dict[str, Detection] = {}
        errors = self._meet(logs)
        kinds = [*self._fresh, *errors.filter("new")["kind"].to_list()]
        for row in errors.filter(pl.col("kind").is_in(kinds)).iter_rows(named=True):
            for detection in (*self._settle(row["time"]), self._hear(row, errors)):
                if detection is not None:
                    changed[detection.id] = detection
        self._said.count(errors)
        changed.update({detection.id: detection for detection in self._settle(now)})
        oldest = self._watched.until(now) - FORGET_S
        for service in [name for name, known in self._known.items() if known.seen < oldest]:
            del self._known[service]
        return list(changed.values())

    def _settle(self, now: datetime) -> list[Detection]:
        """Close what has been quiet at `now`, and forget what is new no longer."""
        closed = []
        for key, found in list(self._open.items()):
            if now - found.end >= HOLD:
                closed.append(found.grown(found.end, still_open=False))
                del self._open[key], self._fresh[key]
        waiting = [key for key in self._fresh if key not in self._open]
        too_many = len(waiting) - _MOST_FRESH
        for place, key in enumerate(waiting):
            old = now.timestamp() - self._fresh[key].first >= _WITHIN.total_seconds()
            if old or place < too_many:
                del self._fresh[key]
        return closed

    def _meet(self, logs: pl.DataFrame) -> pl.DataFrame:
        """Get to know the services of `logs`; returns the errors, by time."""
        lines = logs.filter(pl.col("entity").is_not_null()).with_columns(
            pl.concat_str("host", pl.lit("\0"), "entity").alias("service"),
            pl.int_range(pl.len()).over("host", "entity").alias("nth"),
        )
        met = lines.group_by("service").agg(pl.col("time").min().alias("first"), pl.len())
        for service, first, count in met.iter_rows():
            known = self._known.setdefault(service, Acquaintance(first.timestamp()))
            known.lines += count
            known.seen = self._watched.seconds
        sizes = {service: count for service, _, count in met.iter_rows()}
        return (
            lines.filter(fails())
            .with_columns(
                pl.concat_str("service", pl.lit("\0"), "template").alias("kind"),
                pl.col("service").replace_strict(sizes, default=0).alias("size"),
            )
            .sort("time", maintain_order=True)
            .with_row_index("place")
        )

    def _hear(self, row: Mapping[str, Any], errors: pl.DataFrame) -> Detection | None:
        key, time = row["kind"], row["time"]
        known = self._known[row["service"]]
        fresh = self._fresh.get(key)
        if fresh is None:
            before = known.lines - row["size"] + row["nth"]
            age = time.timestamp() - known.first
            young = not self._knows(age, before)
            like = "" if young or not row["new"] else self._said.like(row, errors)
            if row["new"]:
                self._said.meet(row["service"], row["template"])
            if young or not row["new"]:
                return None
            line = row["message"][:LONGEST_LINE]
            fresh = Fresh(time.timestamp(), age, before, line, row["event_id"], like=like)
            self._fresh[key] = fresh
        fresh.times += 1
        fresh.latest, fresh.latest_id = time.timestamp(), row["event_id"]
        seldom = fresh.lines_before < self._learning.lines
        if fresh.times < (_SELDOM_REPEATS if seldom else _REPEATS):
            return None
        found = self._open.get(key)
        if found is None:
            found = _finding(row["host"], row["entity"], fresh, time)
        else:
            found = replace(found, end=time, reasons=_reasons(found.entity, fresh))
        self._open[key] = found
        return found

    def _knows(self, age: float, lines: int) -> bool:
        """Whether a service is known well enough: by what it wrote, or by how seldom it writes."""
        ages, few = _SELDOM
        if lines >= self._learning.lines:
            return age >= self._learning.age_s
        return age >= ages * self._learning.age_s and lines >= few

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "watched": self._watched.save(),
            "known": {key: asdict(known) for key, known in self._known.items()},
            "fresh": {key: asdict(fresh) for key, fresh in self._fresh.items()},
            "open": {key: to_record(found) for key, found in self._open.items()},
            "said": self._said.save(),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._watched.load(saved["watched"])
        self._known = {key: Acquaintance(**state) for key, state in saved["known"].items()}
        self._fresh = {key: Fresh(**state) for key, state in saved["fresh"].items()}
        self._open = {key: from_record(found) for key, found in saved["open"].items()}
        if "said" in saved:  # not in the states of earlier versions
            self._said.load(saved["said"])


def _finding(host: str, entity: str, fresh: Fresh, end: datetime) -> Detection:
    return Detection(
        host=host,
        entity=entity,
        start=end - timedelta(seconds=end.timestamp() - fresh.first),
        end=end,
        open=True,
        kind=Kind.NOVELTY,
        name="new-error",
        severity=Severity.LOW if fresh.like else Severity.MEDIUM,
        reasons=_reasons(entity, fresh),
    )


def _reasons(entity: str, fresh: Fresh) -> tuple[Reason, ...]:
    span = fresh.latest - fresh.first
    text = (
        f"seen 0 times in {fresh.age / 3600:.1f} h and {fresh.lines_before} lines, "
        f"now {fresh.times} times in {span:.0f} s: {fresh.line}"
    )
    first = Reason(text, entity=entity, metric="errors", event_id=fresh.event_id)
    latest = Reason(LATEST, entity=entity, event_id=fresh.latest_id)
    if not fresh.like:
        return (first, latest)
    return (first, Reason(fresh.like, entity=entity, event_id=fresh.event_id), latest)
