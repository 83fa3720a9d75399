"""The life of a data folder's models: trained, promoted through the gates, rolled back, shown."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from boxwatch.features import VIEWS
from boxwatch.lifecycle import Life, Limits, Promotion, Reproduction
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore, Layout, Ledger, RoleChange, Run, load_model
from boxwatch.wiring.detector_task import TASK, DetectorTask
from boxwatch.wiring.model_keeping import prune_unless_training
from boxwatch.wiring.model_labels import labels_of
from boxwatch.wiring.model_telling import tell
from boxwatch.wiring.reports import Trained, TrainReport, VerdictLine

_STEPS = 3  # of training, for the progress bar


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One run in a list: v7, or the number of a run that made no version."""

    version: str
    state: str
    began: datetime
    took_s: float | None
    windows: int | None
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """All that is known of one version: what went in, what came out, which roles it had when."""

    version: str
    role: str
    began: datetime
    ended: datetime | None
    recipe: dict[str, Any]
    selection: dict[str, Any]
    parts: dict[str, str]
    figures: dict[str, Any]
    labels: dict[str, int]  # of the alarms that it raised, by what people said
    changes: tuple[ChangeLine, ...]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Who took a role from whom, or was refused it."""

    at: datetime
    role: str
    version: str
    before: str
    done: bool
    by: str
    why: str
    gates: tuple[VerdictLine, ...]


def train(settings: Settings, data: Path, progress: Progress) -> TrainReport:
    """Fit every view that has windows; what comes out is promoted if the gates let it through.

    Raises:
        UsageError: there is nothing to learn from.
        StoreLocked: another process is training.
    """
    with _life(settings, data) as (life, ledger):
        progress("training", 0, _STEPS)
        run = life.train()
        progress("asking the gates", 1, _STEPS)
        first = ledger.holder("champion") is None
        why = "the first version" if first else "trained on newer windows"
        asked = life.promote(run.version or 0, by=_person(), why=why, limits=_limits(settings))
        progress("training", _STEPS, _STEPS)
        models = tuple(_trained(data, view, run) for view in run.parts if view in VIEWS)
    told = tell(settings, data)
    prune_unless_training(settings, data)
    return TrainReport(
        version=_v(run.version),
        champion=asked.done,
        before=_v(asked.before),
        models=models,
        without_windows=tuple(name for name in VIEWS if name not in run.parts),
        excluded_windows=dict(run.selection["excluded_windows"]),
        gates=_verdicts([one.record() for one in asked.verdicts]),
        mlflow=told,
    )


def promote(settings: Settings, data: Path, version: int, why: str, *, force: bool) -> Promotion:
    """Make `version` champion, through the gates unless forced."""
    with _life(settings, data) as (life, _):
        limits = _limits(settings)
        asked = life.promote(version, by=_person(), why=why, limits=limits, force=force)
    tell(settings, data)
    return asked


def roll_back(settings: Settings, data: Path, why: str) -> Promotion:
    """Give the role back to the champion before."""
    with _life(settings, data) as (life, _):
        asked = life.roll_back(by=_person(), why=why)
    tell(settings, data)
    return asked


def reproduce(settings: Settings, data: Path, version: int) -> Reproduction:
    """Train `version` again from its own rows."""
    with _life(settings, data) as (life, _):
        return life.reproduce(version)


def versions(data: Path) -> list[VersionLine]:
    """All runs, the newest first; none where nothing was trained."""
    with _ledger(data) as ledger:
        roles = _roles(ledger)
        return [_line(run, roles) for run in ledger.runs()]


def version_page(data: Path, version: int) -> VersionPage:
    """All that is known of `version`.

    Raises:
        UsageError: there is none.
    """
    with _ledger(data) as ledger:
        run = ledger.version(version)
        mine = [one for one in ledger.changes() if version in (one.version, one.before)]
        return VersionPage(
            version=_v(version),
            role=_roles(ledger).get(version, ""),
            began=run.began,
            ended=run.ended,
            recipe=dict(run.recipe),
            selection=dict(run.selection),
            parts=run.parts,
            figures=dict(run.outcome.get("figures", {})),
            labels=labels_of(data, run),
            changes=tuple(_change(one) for one in mine),
        )


def history(data: Path) -> list[ChangeLine]:
    """Who was champion when, why and by whom; the newest first."""
    with _ledger(data) as ledger:
        return [_change(one) for one in ledger.changes()]


@contextmanager
def _life(settings: Settings, data: Path) -> Iterator[tuple[Life, Ledger]]:
    EventStore.open(data, writable=False).close()  # a folder that is not there is not made
    folder = Layout(data).models
    ledger = Ledger.open(folder, TASK, writable=True)
    try:
        yield Life(DetectorTask(settings, data), ledger, folder), ledger
    finally:
        ledger.close()


@contextmanager
def _ledger(data: Path) -> Iterator[Ledger]:
    """To read; a folder in which nothing was trained has no ledger, and none is made."""
    ledger = Ledger.open(Layout(data).models, TASK, writable=False)
    try:
        yield ledger
    finally:
        ledger.close()


def _limits(settings: Settings) -> Limits:
    return Limits(false_alarms_per_week=settings.detections.false_alarms_per_host_week)


def _person() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _trained(data: Path, view: str, run: Run) -> Trained:
    meta: Any = load_model(Layout(data).models, run.parts[view]).meta
    detectors = tuple(key.removeprefix("detector.") for key in meta if key.startswith("detector."))
    return Trained(view, meta["windows"], len(meta["entities"]), detectors, run.parts[view])


def _roles(ledger: Ledger) -> dict[int, str]:
    found = {ledger.holder(role): role for role in ("challenger", "champion")}
    return {version: role for version, role in found.items() if version is not None}


def _line(run: Run, roles: dict[int, str]) -> VersionLine:
    rows = run.outcome.get("figures", {}).get("training_rows", {})
    return VersionLine(
        version=f"run {run.number}" if run.version is None else _v(run.version),
        state=run.state,
        began=run.began,
        took_s=None if run.ended is None else (run.ended - run.began).total_seconds(),
        windows=sum(rows.values()) if rows else None,
        role=roles.get(run.version or 0, ""),
        reason=str(run.outcome.get("reason", "")),
    )


def _change(change: RoleChange) -> ChangeLine:
    return ChangeLine(
        at=change.at,
        role=change.role,
        version=_v(change.version),
        before=_v(change.before),
        done=change.done,
        by=change.decision.by,
        why=change.decision.why,
        gates=_verdicts([dict(one) for one in change.decision.evidence]),
    )


def _verdicts(records: list[dict[str, Any]]) -> tuple[VerdictLine, ...]:
    return tuple(
        VerdictLine(one["gate"], one["passed"], one["value"], one["limit"], one["text"])
        for one in records
    )


def _v(version: int | None) -> str:
    return "nobody" if version is None else f"v{version}"
