"""One service: the kinds of line it writes, when each came last, and the rules of their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.samples import Heard, Samples
from boxwatch.detections.logs.sequence import HORIZON_S, Case, Name, Rule
from boxwatch.detections.logs.trials import Rates

_MOST_KINDS: Final = 64  # kinds of line of one service whose order is looked at
_MOST_RULES: Final = 200
_MOST_IDS: Final = 500  # ids remembered, the latest
_MOST_WAITING: Final = 500  # cases of one rule
_MANY: Final = 20  # processes from which a service is one of many processes
_STALE_S: Final = 3600.0  # a kind of line not heard for so long makes room for a new one
_PATIENCE: Final = 4.0  # times the horizon: then nobody can tell any more


class Miss(NamedTuple):
    """A case of a rule without its other line."""

    rule: Rule
    case: Case


@dataclass(slots=True)
class Service:
    """All that is known of the order of one service's lines. Times are its host's clock."""

    first: float
    latest: float
    processes: int = 0
    forgotten: float = -HORIZON_S  # until when ids were heard that are not remembered
    counts: dict[str, int] = field(default_factory=dict)
    failing: dict[str, None] = field(default_factory=dict)  # kinds of line that tell of a failure
    since: dict[str, float] = field(default_factory=dict)  # kind -> when it was heard first
    last: dict[str, float] = field(default_factory=dict)  # kind -> when
    ids: dict[str, dict[str, float]] = field(default_factory=dict)  # id -> kind -> when
    spoke: dict[str, float] = field(default_factory=dict)  # process -> when
    samples: Samples = field(default_factory=Samples)
    rules: dict[Name, Rule] = field(default_factory=dict)
    cases_of: dict[str, list[Rule]] = field(default_factory=dict)  # by the line that makes a case
    ended_by: dict[str, list[Rule]] = field(default_factory=dict)  # by the line that ends it

    def hear(self, one: Heard) -> list[Miss]:
        """Take one line; the cases of rules backward that it shows to be missing their line."""
        misses: list[Miss] = []
        if self._tracks(one):
            self.samples.note(one)
            for rule in self.ended_by.get(one.template, ()):
                _end(rule, one)
            for rule in self.cases_of.get(one.template, ()):
                if rule.name.by_id and not one.session:
                    continue
                if rule.name.backward:
                    misses += self._look_back(rule, one)
                else:
                    misses += self._given_up(rule, one)
                    _begin(rule, one)
            self._remember(one)
        self._speak(one)
        return misses

    def _tracks(self, one: Heard) -> bool:
        """Whether the order of this kind of line is looked at; stale ones make room."""
        template = one.template
        if template not in self.counts:
            if len(self.counts) >= _MOST_KINDS:
                oldest = min(self.last, key=self.last.__getitem__)
                if one.clock - self.last[oldest] < _STALE_S:
                    return False
                self.forget(oldest)
            self.counts[template] = 0
            self.since[template] = one.clock
            self.last[template] = one.clock
            if one.fails:
                self.failing[template] = None
        self.counts[template] += 1
        return True

    def _given_up(self, rule: Rule, one: Heard) -> list[Miss]:
        """The case that a new one ends, where its time is over: of a service that speaks seldom."""
        key = one.session if rule.name.by_id and one.session else ""
        case = rule.waiting.get(key)
        if case is None or one.clock - case.clock <= rule.within:
            return []
        del rule.waiting[key]
        heard = one.process == case.process or self.processes >= _MANY
        heard = heard or self.heard_since(case.process, case.clock + rule.within)
        return [Miss(rule, case)] if heard and rule.miss(case, key) else []

    def _look_back(self, rule: Rule, one: Heard) -> list[Miss]:
        """What a line says of a rule about the one before it."""
        known = self.last
        if rule.name.by_id and one.session:
            known = self.ids.get(one.session, {})
        before = known.get(rule.name.first)
        if before is not None and one.clock - before <= rule.within:
            rule.hit(one.clock - before)
            return []
        unheard = max(self.first, self.forgotten) if rule.name.by_id else self.first
        if one.clock - unheard < rule.within:
            return []  # it may have come then
        case = _case(one)
        if not rule.miss(case):
            return []
        if before is not None and one.clock - before <= HORIZON_S:
            rule.came_late(one.clock - before)
        return [Miss(rule, case)]

    def _remember(self, one: Heard) -> None:
        listened = one.clock - self.first >= HORIZON_S
        self.samples.take(one, "", self.last, listened=listened)
        if one.session:
            known = self.ids.pop(one.session, {})
            self.samples.take(one, one.session, known, listened=listened)
            known[one.template] = one.clock
            self.ids[one.session] = known
            if len(self.ids) > _MOST_IDS:
                oldest = next(iter(self.ids))
                self.forgotten = max(self.ids.pop(oldest).values(), default=self.forgotten)
        self.last[one.template] = one.clock

    def _speak(self, one: Heard) -> None:
        self.latest = one.clock
        if one.process not in self.spoke:
            self.processes = min(self.processes + 1, _MANY)
            if len(self.spoke) >= 2 * _MANY:
                del self.spoke[min(self.spoke, key=self.spoke.__getitem__)]
        self.spoke[one.process] = one.clock

    def heard_since(self, process: str, clock: float) -> bool:
        """Whether `process` has written at `clock` or later: what it did not write is missing.

        Of a service of many processes any of them counts: each ends with its work.
        """
        if self.processes >= _MANY:
            return self.latest >= clock
        return self.spoke.get(process, -1.0) >= clock

    def overdue(self) -> list[Miss]:
        """The cases whose other line did not come although there was time; each is told once.

        The closest lines come first: they tell most of where it stopped.
        """
        found = []
        for rule in self.rules.values():
            for key, case in list(rule.waiting.items()):
                end = case.clock + rule.within
                if self.latest < end:
                    continue
                if self.heard_since(case.process, end):
                    del rule.waiting[key]
                    if rule.miss(case, key):
                        found.append(Miss(rule, case))
                elif self.latest > end + _PATIENCE * HORIZON_S:
                    del rule.waiting[key]
        return sorted(found, key=lambda miss: (miss.rule.delays.usual(), -miss.case.clock))

    def learn(self, learning: Learning) -> None:
        """Make rules of what the samples show; let go of what turned out to be no rule.

        Failures have no order: what came with some of them need not come with the next.
        """
        self.samples.close(self.latest, self.heard_since)
        if self.samples.due and self.latest - self.first >= learning.age_s:
            rates = Rates(self.counts, self.since, self.latest)
            for rule in self.samples.rules(learning, rates):
                fails = not self.failing.keys().isdisjoint((rule.name.first, rule.name.then))
                if rule.name not in self.rules and not fails and len(self.rules) < _MOST_RULES:
                    self.keep(rule)
        for rule in [rule for rule in self.rules.values() if rule.worthless]:
            self._drop(rule)

    def keep(self, rule: Rule) -> None:
        """Watch `rule` from now on."""
        self.rules[rule.name] = rule
        self.cases_of.setdefault(rule.name.heard, []).append(rule)
        if not rule.name.backward:
            self.ended_by.setdefault(rule.name.then, []).append(rule)

    def _drop(self, rule: Rule) -> None:
        del self.rules[rule.name]
        for index in (self.cases_of, self.ended_by):
            for rules in index.values():
                rules[:] = [one for one in rules if one is not rule]

    def forget(self, template: str) -> None:
        """Know nothing of `template` any more."""
        self.counts.pop(template, None)
        self.failing.pop(template, None)
        for known in (self.since, self.last, *self.ids.values()):
            known.pop(template, None)
        self.samples.forget(template)
        for rule in [r for n, r in self.rules.items() if template in {n.first, n.then}]:
            self._drop(rule)

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return {
            "first": self.first,
            "latest": self.latest,
            "processes": self.processes,
            "forgotten": self.forgotten,
            "counts": dict(self.counts),
            "failing": list(self.failing),
            "since": dict(self.since),
            "last": dict(self.last),
            "ids": {name: dict(kinds) for name, kinds in self.ids.items()},
            "spoke": dict(self.spoke),
            "samples": self.samples.save(),
            "rules": [rule.save() for rule in self.rules.values()],
        }

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Service:
        """The service that `save` described."""
        plain = {name: saved[name] for name in ("first", "latest", "processes", "forgotten")}
        known = cls(
            **plain,
            counts=dict(saved["counts"]),
            failing=dict.fromkeys(saved["failing"]),
            # Not in the states of earlier versions.
            since=dict(saved.get("since", dict.fromkeys(saved["counts"], saved["first"]))),
            last=dict(saved["last"]),
            ids={name: dict(kinds) for name, kinds in saved["ids"].items()},
            spoke=dict(saved["spoke"]),
            samples=Samples.load(saved["samples"]),
        )
        for rule in saved["rules"]:
            known.keep(Rule.load(rule))
        return known


def _begin(rule: Rule, one: Heard) -> None:
    """A case of `rule` begins, unless one is under way (with this id)."""
    key = one.session if rule.name.by_id and one.session else ""
    if key not in rule.waiting and len(rule.waiting) < _MOST_WAITING:
        rule.waiting[key] = _case(one)


def _end(rule: Rule, one: Heard) -> None:
    """The line came that cases of `rule` wait for."""
    key = one.session if rule.name.by_id and one.session else ""
    case = rule.waiting.get(key)
    if case is None:
        rule.came(key, one.clock)
    elif one.clock - case.clock <= rule.within:
        del rule.waiting[key]
        rule.hit(one.clock - case.clock)
    elif not case.late:
        case.late = True
        rule.came_late(one.clock - case.clock)


def _case(one: Heard) -> Case:
    return Case(one.clock, one.at, one.process, one.event_id, one.line)
