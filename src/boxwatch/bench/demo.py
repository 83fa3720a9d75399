"""The demo: a simulated day, judged like a real one, and scored against what was put in."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from boxwatch import wiring
from boxwatch.clock import monotonic
from boxwatch.errors import UsageError
from boxwatch.incidents import Incident
from boxwatch.pulse import Progress
from boxwatch.reports import Marker, html
from boxwatch.settings import Settings
from boxwatch.sources.simulated import FAULTS, InjectedFault, Truth, simulate
from boxwatch.store import Layout

START: Final = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday: a working day's rhythm
HOURS: Final = 24
_EARLY: Final = timedelta(seconds=30)  # windows begin a little before what they show
_LATE: Final = timedelta(minutes=3)  # and findings may follow a fault's end by a quiet time


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo found, held against what was injected."""

    simulated: bool
    seed: int
    faults_injected: int
    faults_found: int
    missed: list[str]
    false_alarms: int
    incidents: list[dict[str, object]]
    elapsed_s: float
    report_path: str


def run(settings: Settings, data: Path, seed: int, progress: Progress) -> DemoResult:
    """Simulate a day into `data` (emptied first, if it is a demo's), judge it, score it.

    Raises:
        UsageError: `data` holds something that no demo made.
    """
    began = monotonic()
    _make_room(data)
    truth = simulate(
        data,
        seed=seed,
        start=START,
        hours=HOURS,
        progress=lambda share: progress("simulating", share, 1.0),
    )
    truth.save(data)
    wiring.normalize(settings, data, export=False, progress=progress)
    wiring.detect(settings, data, progress)
    found = wiring.incidents(data)
    score = Score.of(truth, found)
    path = _write_report(data, truth, found, score, seed)
    return DemoResult(
        simulated=True,
        seed=seed,
        faults_injected=len(truth),
        faults_found=len(truth) - len(score.missed),
        missed=[fault.name for fault in score.missed],
        false_alarms=len(score.false_alarms),
        incidents=[_row(incident, score) for incident in found],
        elapsed_s=round(monotonic() - began, 2),
        report_path=str(path),
    )


def _make_room(data: Path) -> None:
    if not data.exists() or not any(data.iterdir()):
        return
    if not (data / "truth.json").exists():
        raise UsageError(
            f"The folder {str(data)!r} is not empty and was not made by the demo.",
            hint="Name another one with --data.",
        )
    shutil.rmtree(data)


@dataclass(frozen=True, slots=True)
class Score:
    """Which faults were missed, which incidents were about none."""

    missed: tuple[InjectedFault, ...]
    false_alarms: tuple[Incident, ...]
    of_fault: dict[str, str]  # incident id -> the fault it found

    @classmethod
    def of(cls, truth: Truth, found: Sequence[Incident]) -> Score:
        """Hold `found` against `truth`.

        A fault is found if an incident overlaps it in time on its host, and touches its entity or
        one on which finding it is right too. An incident that does so for no fault is a false
        alarm, also when a fault elsewhere was under way.
        """
        of_fault: dict[str, str] = {}
        seen: set[int] = set()
        for number, fault in enumerate(truth):
            for incident in found:
                if _is_about(incident, fault):
                    seen.add(number)
                    of_fault.setdefault(incident.id, fault.name)
        missed = tuple(fault for number, fault in enumerate(truth) if number not in seen)
        return cls(missed, tuple(one for one in found if one.id not in of_fault), of_fault)


def _is_about(incident: Incident, fault: InjectedFault) -> bool:
    in_time = incident.start <= fault.end + _LATE and incident.end >= fault.start - _EARLY
    touched = not set(incident.entities).isdisjoint(fault.entities)
    return in_time and touched and incident.host == fault.host


def _row(incident: Incident, score: Score) -> dict[str, object]:
    why = incident.causes[0] if incident.causes else None
    return {
        "id": incident.id,
        "start": incident.start,
        "end": incident.end,
        "host": incident.host,
        "entity": incident.entity,
        "entities": list(incident.entities),
        "severity": str(incident.severity),
        "title": incident.title,
        "why": "" if why is None else why.text,
        "action": incident.action,
        "fault": score.of_fault.get(incident.id),
    }


def _write_report(
    data: Path, truth: Truth, found: Sequence[Incident], score: Score, seed: int
) -> Path:
    path = Layout(data).reports / "demo.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    note = (
        f"This machine is simulated (seed {seed}): a day of an AI server with two GPUs, with "
        f"{len(truth)} faults put in. Found: {len(truth) - len(score.missed)}. "
        f"Missed: {_names(fault.name for fault in score.missed)}. "
        f"False alarms: {len(score.false_alarms)}."
    )
    markers = [
        Marker(fault.host, fault.entity, fault.start, fault.end, FAULTS[fault.name].help)
        for fault in truth
    ]
    shown = {incident.id: wiring.evidence(data, incident) for incident in found}
    page = html(
        found,
        shown,
        title="Boxwatch demo",
        note=note,
        markers=markers,
        span=(truth.start, truth.end),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
