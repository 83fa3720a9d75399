"""Broken order: a line that another one nearly always follows, and now does not.

Which lines follow which, and how late, is learned for each service (`trials`, `sequence`), per id
where lines carry one (a request, a block, a connection), else over all lines of the service. A
finding is about one missing line, however many rules miss it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from boxwatch.detections.detection import (
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.samples import Heard
from boxwatch.detections.logs.sequence import Case, Name, Rule
from boxwatch.detections.logs.service import Miss, Service
from boxwatch.detections.logs.stream import SLOT_S
from boxwatch.events.vocabulary import template_id

BROKEN: Final = "broken-order"

_MOST_SERVICES: Final = 2000
_HOLD_S: Final = 900.0  # a finding ends so long after its last miss
_LATE: Final = 0.5  # share of the cases without the line in time, where it came later
_LONGEST: Final = 90  # characters of a template in a sentence


@dataclass(slots=True)
class Broken:
    """An open finding: the rule it is about, and the cases without their line."""

    name: Name
    found: Detection
    times: int
    first: Case
    latest: Case


class OrderWatch:
    """Finds sequences that are broken. All state is in `save()`."""

    def __init__(self, learning: Learning | None = None) -> None:
        self._learning = Learning() if learning is None else learning
        self._services: dict[str, Service] = {}  # the longest unheard first
        self._open: dict[str, Broken] = {}  # "host NUL entity NUL missing line"

    def add(self, lines: pl.DataFrame, merged: Mapping[int, int]) -> list[Detection]:
        """The findings that opened, grew or ended. `lines` as `LineStream` hands them on.

        `merged` says which template (by id) became part of which.
        """
        changed: dict[str, Detection] = {}
        columns = (
            "service",
            "clock",
            "at",
            "template",
            "session",
            "process",
            "event_id",
            "line",
            "fails",
        )
        touched: dict[str, Service] = {}
        slot = None
        for name, *rest in lines.select(columns).iter_rows():
            one = Heard(*rest)
            if slot is not None and one.at // SLOT_S != slot:
                changed |= {found.id: found for found in self._settle(touched)}
                touched = {}
            slot = one.at // SLOT_S
            service = touched.get(name)
            if service is None:
                service = touched[name] = self._known(name, one.clock)
            if one.template not in service.counts and merged:
                _make_way(service, one.template, merged)
            for miss in service.hear(one):
                changed |= {found.id: found for found in self._missed(name, service, miss)}
        changed |= {found.id: found for found in self._settle(touched)}
        return list(changed.values())

    def _known(self, name: str, clock: float) -> Service:
        service = self._services.pop(name, None)
        if service is None:
            service = Service(first=clock, latest=clock)
            if len(self._services) >= _MOST_SERVICES:
                del self._services[next(iter(self._services))]
        self._services[name] = service
        return service

    def _settle(self, touched: Mapping[str, Service]) -> Iterator[Detection]:
        """What the end of ten seconds shows."""
        for name, service in touched.items():
            for miss in service.overdue():
                yield from self._missed(name, service, miss)
            service.learn(self._learning)
            mine = [key for key in self._open if key.rpartition("\0")[0] == name]
            for key in mine:
                broken = self._open[key]
                rule = service.rules.get(broken.name)
                late = service.latest - broken.latest.clock > _HOLD_S
                if rule is None or rule.kept or late:
                    del self._open[key]
                    yield broken.found.grown(broken.found.end, still_open=False)

    def _missed(self, name: str, service: Service, miss: Miss) -> Iterator[Detection]:
        rule, case = miss.rule, miss.case
        key = f"{name}\0{rule.name.missing}"
        broken = self._open.get(key)
        if broken is None:
            if not rule.broken or service.latest - service.first < self._learning.age_s:
                return
            cases = rule.missing_lately
            found = _finding(name, cases[0])
            broken = self._open[key] = Broken(rule.name, found, len(cases), cases[0], case)
        elif broken.name != rule.name:
            return
        else:
            broken.times += 1
            broken.latest = case
        end = max(broken.found.end, _instant(case.at))
        broken.found = replace(broken.found, end=end, reasons=_reasons(rule, broken))
        yield broken.found

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "services": {name: service.save() for name, service in self._services.items()},
            "open": {
                key: asdict(broken) | {"found": to_record(broken.found)}
                for key, broken in self._open.items()
            },
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._services = {name: Service.load(state) for name, state in saved["services"].items()}
        self._open = {
            key: Broken(
                Name(**state["name"]),
                from_record(state["found"]),
                state["times"],
                Case(**state["first"]),
                Case(**state["latest"]),
            )
            for key, state in saved["open"].items()
        }


def _make_way(service: Service, template: str, merged: Mapping[int, int]) -> None:
    """Forget the kinds of line that are now called `template`: they will not come any more."""
    new = template_id(template)
    if new not in merged.values():
        return
    for known in list(service.counts):
        identity = template_id(known)
        for _ in range(len(merged)):
            identity = merged.get(identity, identity)
            if identity not in merged or identity == new:
                break
        if identity == new:
            service.forget(known)


def _finding(name: str, first: Case) -> Detection:
    host, _, entity = name.partition("\0")
    start = _instant(first.at)
    return Detection(
        host=host,
        entity=entity,
        start=start,
        end=start,
        open=True,
        kind=Kind.ORDER,
        name=BROKEN,
        severity=Severity.MEDIUM,
    )


def _reasons(rule: Rule, broken: Broken) -> tuple[Reason, ...]:
    entity, name = broken.found.entity, rule.name
    late = rule.lates >= _LATE * broken.times
    metric = "missing_before" if name.backward else "missing_after"
    share = "all" if rule.misses == 0 else f"{100 * rule.share:.3g} %"
    how = f"within {rule.within:.3g} s in {share} of {rule.cases:,} cases"
    lately = f"now missing {broken.times} times" if broken.times > 1 else "now missing"
    if late:
        metric = "late_after"
        lately = f"now later {broken.times} times, the last time after {rule.late:.3g} s"
    if name.backward:
        text = f"{_short(name.first)} comes before {_short(name.then)} {how}, {lately}"
    else:
        text = f"{_short(name.then)} follows {_short(name.first)} {how}, {lately}"
    told = [Reason(text, entity, metric, broken.first.event_id)]
    if broken.latest.event_id != broken.first.event_id:
        which = "without the line before it" if name.backward else "without the line after it"
        told.append(
            Reason(f"the latest {which}: {broken.latest.line}", entity, "", broken.latest.event_id)
        )
    return tuple(told)


def _short(template: str) -> str:
    shown = template if len(template) <= _LONGEST else f"{template[: _LONGEST - 1]}…"
    return f"`{shown}`"


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(round(at * 1e6) / 1e6, UTC)
