"""Bursts: a kind of line, or errors of any kind, far more often than their service writes them.

Two measures, for two kinds of line. Of lines that tell of a failure, the ten seconds in which they
come at all are counted: an error said twenty times within a second is one mishap, and what is rare
may come a few times within twenty minutes, but not again and again (Poisson, at several times the
rate that history shows, for errors keep company). And of any line, the minute: many times as much
as in all but the busiest of the minutes before. What came in an open finding counts for little in
the history, or a failure would teach that failing is normal.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from boxwatch.clock import from_micros
from boxwatch.detections.detection import (
    HOLD,
    LATEST,
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.logs.kin import SELDOM, WITHIN, Kin, loud, repeats, together
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.stream import SLOT_S
from boxwatch.units import print_duration

BURST: Final = "log-burst"
RARE: Final = "rare-line"

_FEW: Final = 20  # lines up to which it is said to be back, and not to come too often
_LEARNT: Final = 12  # slots that an open finding adds to the history, until
_LONG: Final = 7200 // SLOT_S  # it has lasted for so many: then it is how things are
_PAUSE: Final = 3600 // SLOT_S  # slots without any line: so much of a pause was watched
_MOST_SERVICES: Final = 5_000


@dataclass(slots=True)
class Heard:
    """How long and how well a service is known: its first slot, of those that were watched."""

    first: int
    lines: int = 0


@dataclass(slots=True)
class Group:
    """What one kind of line did in one slot."""

    service: str
    template: str
    slot: int
    count: int
    at: int
    latest: int
    first_id: int
    last_id: int
    line: str
    fails: bool


class BurstWatch:
    """Finds bursts. All state is in `save()`.

    Args:
        learning: How well a service must be known.
        most_kinds: Kinds of line remembered; the longest unheard are forgotten first.
    """

    def __init__(self, learning: Learning | None = None, most_kinds: int = 20_000) -> None:
        self._most_kinds = most_kinds
        self._learning = Learning() if learning is None else learning
        self._latest = 0  # slot
        self._away = 0  # slots of long pauses: then nobody watched, and nothing is usual
        self._services: dict[str, Heard] = {}  # the longest unheard first
        # Ordered: taking the first of a plain dict again and again looks at all that went before.
        self._kin: OrderedDict[str, Kin] = (
            OrderedDict()
        )  # service NUL template, the longest unheard first
        self._open: dict[str, Detection] = {}  # by the same key

    def add(self, lines: pl.DataFrame) -> list[Detection]:
        """The findings that opened or grew. `lines` as `LineStream` hands them on."""
        groups = (
            lines.with_columns((pl.col("at") // SLOT_S).cast(pl.Int64).alias("slot"))
            .group_by("service", "template", "slot", maintain_order=True)
            .agg(
                pl.len().alias("count"),
                pl.col("time").min().dt.timestamp("us").alias("at"),
                pl.col("time").max().dt.timestamp("us").alias("latest"),
                pl.col("event_id").first().alias("first_id"),
                pl.col("event_id").last().alias("last_id"),
                pl.col("line").first(),
                pl.col("fails").any(),
            )
            .sort("slot", maintain_order=True)
        )
        changed: dict[str, Detection] = {}
        for row in groups.iter_rows():
            group = Group(*row)
            changed |= {found.id: found for found in self._settle(group.slot)}
            found = self._hear(group)
            if found is not None:
                changed[found.id] = found
        return list(changed.values())

    def settle(self, until: datetime) -> list[Detection]:
        """The findings that are over: nothing of them for five minutes before `until`."""
        return list(self._settle(int(until.timestamp()) // SLOT_S))

    def _settle(self, slot: int) -> Iterator[Detection]:
        for key, found in list(self._open.items()):
            if slot * SLOT_S - found.end.timestamp() >= HOLD.total_seconds():
                del self._open[key]
                kin = self._kin.get(key)
                if kin is not None:  # what was told is not told again with the next line
                    self._forget_recent(kin, slot + WITHIN, running=True)
                yield found.grown(found.end, still_open=False)

    def _hear(self, group: Group) -> Detection | None:
        if self._latest and group.slot - self._latest > _PAUSE:
            self._away += group.slot - self._latest - _PAUSE
        self._latest = max(self._latest, group.slot)
        service = self._services.pop(group.service, None)
        if service is None:
            service = Heard(group.slot - self._away)
            if len(self._services) >= _MOST_SERVICES:
                del self._services[next(iter(self._services))]
        self._services[group.service] = service
        before, service.lines = service.lines, service.lines + group.count
        key = f"{group.service}\0{group.template}"
        kin = self._kin.pop(key, None)
        if kin is None:
            kin = Kin(group.slot)
            if len(self._kin) >= self._most_kinds:
                self._kin.popitem(last=False)
        self._kin[key] = kin
        self._forget_recent(kin, group.slot, running=key in self._open)
        known = group.slot - self._away - service.first
        storm = loud(kin, group.slot, group.count, known, fails=group.fails)
        if group.fails or storm:
            kin.recent.append([group.slot, group.count, group.first_id, group.at])
        else:
            kin.slots, kin.lines = kin.slots + 1, kin.lines + group.count
        if known * SLOT_S < self._learning.age_s or before < self._learning.lines:
            return None
        found = self._open.get(key)
        if found is None:
            again = group.fails and repeats(kin, known)
            if not (storm or again):
                return None
            name = RARE if kin.slots <= SELDOM and not storm else BURST
            found, kin.learnt, kin.told = _finding(name, group, kin), 0, 0
            kin.told = sum(lines for slot, lines, *_ in together(kin))
        elif group.fails or storm:
            kin.told += group.count
        else:
            return None
        self._open[key] = found = _grown(found, group, kin, known)
        return found

    def _forget_recent(self, kin: Kin, slot: int, *, running: bool) -> None:
        """What is older than twenty minutes is history."""
        while kin.recent and kin.recent[0][0] <= slot - WITHIN:
            _, lines, *_ = kin.recent.pop(0)
            if not running or kin.learnt < _LEARNT or kin.learnt > _LONG:
                kin.slots += 1
                kin.lines += lines
            kin.learnt += running

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "latest": self._latest,
            "away": self._away,
            "services": {name: asdict(known) for name, known in self._services.items()},
            "kin": {key: asdict(kin) for key, kin in self._kin.items()},
            "open": {key: to_record(found) for key, found in self._open.items()},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._latest, self._away = saved["latest"], saved["away"]
        self._services = {name: Heard(**known) for name, known in saved["services"].items()}
        self._kin = OrderedDict((key, Kin(**kin)) for key, kin in saved["kin"].items())
        self._open = {key: from_record(found) for key, found in saved["open"].items()}


def _finding(name: str, group: Group, kin: Kin) -> Detection:
    host, _, entity = group.service.partition("\0")
    _, _, first_id, at = together(kin)[0]
    return Detection(
        host=host,
        entity=entity,
        start=from_micros(at),
        end=from_micros(group.latest),
        open=True,
        kind=Kind.BURST,
        name=name,
        severity=Severity.MEDIUM,
        reasons=(Reason("", entity, event_id=first_id),),
    )


def _grown(found: Detection, group: Group, kin: Kin, known: int) -> Detection:
    """The finding with what was heard last."""
    end = max(found.end, from_micros(group.latest))
    span = print_duration((end - found.start).total_seconds())
    age = print_duration(known * SLOT_S)
    now = f"now {kin.told:,} times in {span}"
    if kin.slots <= SELDOM:
        text = f"seen {_times(kin.lines)} in {age}, {now}: {group.line}"
    else:
        hours = max(known * SLOT_S / 3600, 1.0)
        text = f"usually {kin.lines / hours:.3g} times an hour over {age}, {now}: {group.line}"
    metric = "repeated_error" if group.fails else "repeated_line"
    if found.name == RARE and kin.told <= _FEW:
        metric = "rare_error"
    first = Reason(text, found.entity, metric, found.reasons[0].event_id)
    latest = Reason(LATEST, found.entity, event_id=group.last_id)
    return replace(found, end=end, reasons=(first, latest))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
