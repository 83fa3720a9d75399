"""From findings to incidents: what belongs together becomes one thing that a person reads.

Findings are taken in the order in which they come; how they are cut into calls does not matter.
A finding joins the incident of its host that has the same entity and is not long over, else one
that it can be the cause or the consequence of (`relations`), else it begins a new incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from boxwatch.detections.detection import Detection, Severity, from_record, to_record
from boxwatch.errors import UsageError
from boxwatch.incidents.causes import root_first, tell
from boxwatch.incidents.incident import Incident, State
from boxwatch.incidents.relations import ALONE, LASTING, SLOW, explains, is_address, kind, near

_REMEMBERED: Final = timedelta(hours=1)  # how long a resolved incident can still be spoken of
_AGAIN: Final = timedelta(minutes=15)  # what comes back as it was within so long was not over
_LASTS: Final = timedelta(hours=1)
_WIDE: Final = 3  # an incident that reaches so many entities is a step more severe


@dataclass(slots=True)
class Case:
    """An incident in the making: its findings by id, in the order in which they came."""

    id: str
    host: str
    found: dict[str, Detection] = field(default_factory=dict)
    person: State | None = None
    over: bool = False
    told: Incident | None = None

    @property
    def open(self) -> bool:
        """True while any finding still goes on."""
        return any(found.open for found in self.found.values())

    @property
    def end(self) -> datetime:
        """The last instant anything of it was seen."""
        return max(found.end for found in self.found.values())


class Grouper:
    """Groups findings into incidents.

    An incident is resolved `settle` after the last that was seen of it, once all its findings are
    closed. What begins within `quiet` of it joins it all the same, and opens it again.
    """

    def __init__(
        self,
        quiet: timedelta = timedelta(seconds=180),
        settle: timedelta = timedelta(seconds=30),
    ) -> None:
        self._quiet = quiet
        self._settle = settle
        self._cases: dict[str, Case] = {}
        self._case_of: dict[str, str] = {}  # detection id -> case id
        self._aliases: dict[str, dict[str, str]] = {}  # host -> GPU by address -> by index

    def add(self, detections: Sequence[Detection], now: datetime) -> list[Incident]:
        """The incidents that these findings, or the time until `now`, opened, changed or ended."""
        touched: set[str] = set()
        for found in detections:
            case = self._place(found)
            touched.add(case.id)
            case.found[found.id] = found
            case.over = False
            self._case_of[found.id] = case.id
            self._learn(case)
        changed = []
        for case in self._cases.values():
            ended = not case.over and not case.open and now - case.end > self._settle
            case.over = case.over or ended
            if not (ended or case.id in touched):
                continue
            incident = self._incident(case)
            if incident != case.told:
                case.told = incident
                changed.append(incident)
        self._forget(now)
        return changed

    def mark(self, incident_id: str, state: State) -> Incident:
        """Note a person's word on an incident: acknowledged, false alarm, or open (taken back).

        Raises:
            UsageError: there is no such incident in memory, or the state is not a person's.

        """
        if state is State.RESOLVED:
            raise UsageError("An incident resolves by itself; it cannot be marked so.")
        case = self._cases.get(incident_id)
        if case is None:
            raise UsageError(f"There is no current incident {incident_id!r}.")
        case.person = None if state is State.OPEN else state
        case.told = self._incident(case)
        return case.told

    def _place(self, found: Detection) -> Case:
        known = self._case_of.get(found.id)
        if known is not None:
            return self._cases[known]
        mine = [case for case in self._cases.values() if case.host == found.host]
        mine.sort(key=lambda case: case.end, reverse=True)
        for fits in (self._same, self._consequence):
            for case in mine:
                if fits(case, found):
                    return case
        case = Case(found.id[:12], found.host)
        self._cases[case.id] = case
        return case

    def _same(self, case: Case, found: Detection) -> bool:
        """The same entity, again before it was quiet for long; for the same finding, very long."""
        return any(
            self._named(member) == self._named(found)
            and (member.name == found.name or not {member.name, found.name} & ALONE)
            and not (_long_before(member, found) or _long_before(found, member))
            and (member.open or found.start - member.end <= self._patience(member, found))
            and found.end >= member.start - self._patience(member, found)
            for member in case.found.values()
        )

    def _patience(self, member: Detection, found: Detection) -> timedelta:
        return max(self._quiet, _AGAIN) if member.name == found.name else self._quiet

    def _consequence(self, case: Case, found: Detection) -> bool:
        cards = {self._named(member) for member in case.found.values()}
        cards = {name for name in cards if kind(name) == "gpu" and not is_address(name)}
        mine = self._named(found)
        if kind(mine) == "gpu" and not is_address(mine) and cards - {mine}:
            return False  # another card: another incident
        members = case.found.values()
        if found.name in ALONE and found.name not in SLOW:
            return all(explains(member, found, self._quiet) for member in members)
        alone = found.name in ALONE or any(member.name in ALONE for member in members)
        return any(
            explains(member, found, self._quiet) or (not alone and near(member, found))
            for member in members
        )

    def _named(self, found: Detection) -> str:
        return self._aliases.get(found.host, {}).get(found.entity, found.entity)

    def _learn(self, case: Case) -> None:
        """One address and one index in one incident are the same card, from then on."""
        cards = {found.entity for found in case.found.values() if kind(found.entity) == "gpu"}
        addresses = [name for name in cards if is_address(name)]
        indices = [name for name in cards if not is_address(name)]
        if len(addresses) == len(indices) == 1:
            self._aliases.setdefault(case.host, {}).setdefault(addresses[0], indices[0])

    def _incident(self, case: Case) -> Incident:
        detections = root_first(list(case.found.values()))
        aliases = self._aliases.get(case.host, {})
        story = tell(detections, case.host, aliases)
        followed = State.RESOLVED if case.over else State.OPEN
        root = detections[0]
        return Incident(
            id=case.id,
            host=case.host,
            entity=aliases.get(root.entity, root.entity),
            start=min(found.start for found in detections),
            end=case.end,
            state=followed if case.person is None else case.person,
            severity=_severity(detections),
            title=story.title,
            causes=story.causes,
            action=story.action,
            detections=tuple(detections),
        )

    def _forget(self, now: datetime) -> None:
        gone = [
            case
            for case in self._cases.values()
            if case.over and now - case.end > self._quiet + _REMEMBERED
        ]
        for case in gone:
            del self._cases[case.id]
            for identifier in case.found:
                del self._case_of[identifier]

    def save(self) -> dict[str, object]:
        """All of the state, JSON-able."""
        return {
            "cases": [
                {
                    "id": case.id,
                    "host": case.host,
                    "found": [to_record(found) for found in case.found.values()],
                    "person": None if case.person is None else str(case.person),
                    "over": case.over,
                }
                for case in self._cases.values()
            ],
            "aliases": {host: dict(names) for host, names in self._aliases.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `save` described."""
        self._cases, self._case_of = {}, {}
        self._aliases = {host: dict(names) for host, names in state["aliases"].items()}
        for saved in state["cases"]:
            found = [from_record(record) for record in saved["found"]]
            person = None if saved["person"] is None else State(saved["person"])
            case = Case(saved["id"], saved["host"], {f.id: f for f in found}, person, saved["over"])
            case.told = self._incident(case)
            self._cases[case.id] = case
            self._case_of |= dict.fromkeys(case.found, case.id)


def _long_before(member: Detection, found: Detection) -> bool:
    """True for a finding that lasts for weeks, and another one that began long after it."""
    other = member.name != found.name and member.name in LASTING
    return other and found.start - member.start > _LASTS


def _severity(detections: Sequence[Detection]) -> Severity:
    """The worst of its findings; a step more when it spreads over many entities."""
    worst = max((found.severity for found in detections), key=lambda severity: severity.rank)
    wide = len({found.entity for found in detections}) >= _WIDE
    if wide and Severity.MEDIUM.rank <= worst.rank < Severity.CRITICAL.rank:
        return list(Severity)[worst.rank + 1]
    return worst
