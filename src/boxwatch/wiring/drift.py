"""Drift of a data folder: windows of late against those that the models in use learned from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from boxwatch.errors import UsageError
from boxwatch.features import VIEWS, View
from boxwatch.lifecycle import LEAST_ROWS, Meaning, Profile, compare, drifted, meaning
from boxwatch.pulse import Progress
from boxwatch.store import Layout, Ledger, Run, StateStore, load_model
from boxwatch.wiring.detector_task import PROFILE, TASK, happened, in_incidents
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

    `unknown` says of which views nothing can be said, and why.
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
    unknown: tuple[str, ...]


def drift(data: Path, seconds: float, progress: Progress) -> DriftReport:
    """Compare the last `seconds` of windows with those that the champion learned from.

    Windows in incidents are left out: a fault is no drift.

    Raises:
        UsageError: no version is in use, or there are no windows.
    """
    run = _champion(data)
    learned_until = datetime.fromisoformat(run.selection["end"])
    with StateStore.open(data) as store:
        incidents = happened(store)
    tables = {name: read_windows(data, view) for name, view in VIEWS.items()}
    ends = [table["end"].max() for table in tables.values() if not table.is_empty()]
    if not ends:
        raise UsageError(
            f"There are no windows in {str(data)!r} to compare.",
            hint="Run `boxwatch features` first.",
        )
    end: datetime = max(ends)  # type: ignore[type-var,assignment]
    start = end - timedelta(seconds=seconds)
    moved: list[MovedFeature] = []
    unknown: list[str] = []
    windows = features = 0
    for done, (name, view) in enumerate(VIEWS.items()):
        progress("comparing", done, len(VIEWS))
        late = tables[name].filter(~in_incidents(incidents), pl.col("end") > start)
        if PROFILE + name not in run.parts:
            unknown.append(f"{name}: the version in use learned from too few windows")
        elif late.height < LEAST_ROWS:
            unknown.append(f"{name}: {late.height} windows, {LEAST_ROWS} are needed")
        else:
            saved = load_model(Layout(data).models, run.parts[PROFILE + name])
            moved += _moved(view, Profile.load(saved), late)
            windows += late.height
            features += len(view.columns)
    found: Meaning = meaning(inputs_moved=bool(moved), qualities=[])
    return DriftReport(
        version=f"v{run.version}",
        learned_until=learned_until,
        start=start,
        end=end,
        windows=windows,
        features=features,
        kind=found.kind,
        priority=found.priority,
        action=found.action,
        moved=tuple(moved),
        unknown=tuple(unknown),
    )


def _champion(data: Path) -> Run:
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
