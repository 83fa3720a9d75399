"""Drift of a data folder: windows of late against those that the models in use learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import polars as pl

from boxwatch.detections import load_view_model
from boxwatch.errors import ModelError, UsageError
from boxwatch.events.masks import Mask
from boxwatch.features import VIEWS, View
from boxwatch.incidents import Incident
from boxwatch.lifecycle import LEAST_ROWS, Meaning, Profile, compare, drifted, meaning
from boxwatch.pulse import Progress
from boxwatch.store import Layout, Ledger, Run, StateStore, load_model
from boxwatch.wiring.detector_task import PROFILE, TASK, in_incidents
from boxwatch.wiring.drift_outputs import (
    NEW_LINES,
    Feedback,
    MovedOutput,
    alarm_rate,
    feedback,
    held_out,
    new_lines,
    scores,
)
from boxwatch.wiring.log_templates import LogPlace
from boxwatch.wiring.window_files import read_windows


@dataclass(frozen=True, slots=True)
class MovedFeature:
    """A feature that moved, by its clearest effect (`lifecycle.drift.effects`)."""

    view: str
    feature: str
    effect: str
    value: float
    at_least: float
    limit: float
    help: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What moved since the version in use learned, and what that means.

    `outputs` are the scores, the rate of alarms and the kinds of log lines; `feedback` is what
    people said of alarms. `unknown` says of what nothing can be said, and why.
    """

    version: str
    learned_until: datetime
    start: datetime
    end: datetime
    windows: int
    features: int
    kind: str
    priority: str | None
    action: str
    moved: tuple[MovedFeature, ...]
    outputs: tuple[MovedOutput, ...]
    feedback: Feedback
    unknown: tuple[str, ...]


def drift(
    data: Path, seconds: float, progress: Progress, masks: tuple[Mask, ...] = ()
) -> DriftReport:
    """Compare the last `seconds` of windows with those that the champion learned from.

    Windows in incidents are left out: a fault is no drift. The report is kept in the data folder.

    Raises:
        UsageError: no version is in use, or there are no windows.
    """
    run = champion_run(data)
    with StateStore.open(data) as store:
        incidents = store.incidents()
    tables = {name: read_windows(data, view) for name, view in VIEWS.items()}
    ends = [table["end"].max() for table in tables.values() if not table.is_empty()]
    if not ends:
        raise UsageError(
            f"There are no windows in {str(data)!r} to compare.",
            hint="Run `boxwatch features` first.",
        )
    end: datetime = max(ends)  # type: ignore[type-var,assignment]
    span = _Span(
        datetime.fromisoformat(run.selection["end"]), end - timedelta(seconds=seconds), end
    )
    late = _late(tables, incidents, span.start)
    compared = _features(data, run, late, progress)
    outputs = _outputs(data, run, late, compared.unknown)
    rate = alarm_rate(incidents, list(tables.values()), span.start, end)
    lines = new_lines(LogPlace(data, masks), span.learned_until, span.start, end, progress)
    for what, found in (("alarm rate", rate), ("new kinds of line", lines)):
        if found is None:
            compared.unknown.append(f"{what}: there is too little to compare")
        else:
            outputs.append(found)
    said = feedback(incidents, datetime.fromisoformat(run.selection["start"]), span.start)
    report = _report(run, span, compared, tuple(outputs), said)
    with StateStore.open(data) as store:
        store.keep_drift(orjson.dumps(report, default=str).decode())
    return report


def late_windows(data: Path, start: datetime) -> dict[str, pl.DataFrame]:
    """The windows of each view that ended after `start`, without those in incidents."""
    with StateStore.open(data) as store:
        incidents = store.incidents()
    return _late({name: read_windows(data, view) for name, view in VIEWS.items()}, incidents, start)


def _late(
    tables: Mapping[str, pl.DataFrame], incidents: list[Incident], start: datetime
) -> dict[str, pl.DataFrame]:
    wrong = in_incidents([one for one in incidents if one.wrong])
    return {name: one.filter(~wrong, pl.col("end") > start) for name, one in tables.items()}


@dataclass(frozen=True, slots=True)
class _Span:
    """Until when the version learned, and which time is held against that."""

    learned_until: datetime
    start: datetime
    end: datetime


@dataclass(slots=True)
class _Compared:
    """What comparing the features of all views came to."""

    moved: list[MovedFeature]
    unknown: list[str]
    windows: int = 0
    features: int = 0


def _features(
    data: Path, run: Run, late: Mapping[str, pl.DataFrame], progress: Progress
) -> _Compared:
    compared = _Compared([], [])
    for done, (name, view) in enumerate(VIEWS.items()):
        progress("comparing", done, len(VIEWS))
        if PROFILE + name not in run.parts:
            compared.unknown.append(f"{name}: the version in use learned from too few windows")
        elif late[name].height < LEAST_ROWS:
            compared.unknown.append(f"{name}: {late[name].height} windows, {LEAST_ROWS} are needed")
        else:
            saved = load_model(Layout(data).models, run.parts[PROFILE + name])
            compared.moved += _moved(view, Profile.load(saved), late[name])
            compared.windows += late[name].height
            compared.features += len(view.columns)
    return compared


def _outputs(
    data: Path, run: Run, late: Mapping[str, pl.DataFrame], unknown: list[str]
) -> list[MovedOutput]:
    """The scores of each view that has enough windows; says in `unknown` where nothing is known."""
    found = []
    for name, view in VIEWS.items():
        if name not in run.parts or late[name].height < LEAST_ROWS:
            continue  # said of its features
        try:
            model = load_view_model(view, load_model(Layout(data).models, run.parts[name]))
        except ModelError as error:
            unknown.append(f"scores {name}: {error}")
            continue
        moved = scores(name, model, held_out(data, run, name), late[name])
        if moved is None:
            unknown.append(f"scores {name}: too few windows were held out from training")
        else:
            found.append(moved)
    return found


def _report(
    run: Run,
    span: _Span,
    compared: _Compared,
    outputs: tuple[MovedOutput, ...],
    said: Feedback,
) -> DriftReport:
    lines = any(one.drifted for one in outputs if one.what == NEW_LINES)
    found: Meaning = meaning(
        inputs_moved=bool(compared.moved) or lines,
        qualities=list(said.qualities),
        outputs_moved=any(one.drifted for one in outputs if one.what != NEW_LINES),
    )
    return DriftReport(
        version=f"v{run.version}",
        learned_until=span.learned_until,
        start=span.start,
        end=span.end,
        windows=compared.windows,
        features=compared.features,
        kind=found.kind,
        priority=found.priority,
        action=found.action,
        moved=tuple(compared.moved),
        outputs=outputs,
        feedback=said,
        unknown=tuple(compared.unknown),
    )


def champion_run(data: Path) -> Run:
    """The run that made the version in use.

    Raises:
        UsageError: none is.
    """
    ledger = Ledger.open(Layout(data).models, TASK, writable=False)
    try:
        version = ledger.holder("champion")
        if version is None:
            raise UsageError(
                f"No version is in use in {str(data)!r}.", hint="Run `boxwatch train` first."
            )
        return ledger.version(version)
    finally:
        ledger.close()


def _moved(view: View, profile: Profile, late: pl.DataFrame) -> list[MovedFeature]:
    helps = {feature.name: feature.help for feature in view.features}
    floors = {feature.name: feature.floor for feature in view.features}
    ordered = late.sort("start", "host", "entity").select(view.columns)
    found = drifted(compare(profile, ordered, floors))
    return [
        MovedFeature(view.name, feature, effect, value, low, limit, helps[feature])
        for feature, effect, value, low, limit in found.iter_rows()
    ]
