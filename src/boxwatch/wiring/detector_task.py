"""The detectors of a data folder as a task of `lifecycle`: what to learn from, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from boxwatch.clock import from_micros
from boxwatch.detections import IN_A_ROW, LEAST_WINDOWS, ViewModel, fit
from boxwatch.errors import UsageError
from boxwatch.features import VIEWS, View
from boxwatch.incidents import Incident
from boxwatch.lifecycle import Evidence, Profile, Selected
from boxwatch.lifecycle.drift import LEAST_ROWS
from boxwatch.models import Saved, threshold
from boxwatch.settings import Settings
from boxwatch.store import Layout, StateStore
from boxwatch.wiring.detector_findings import LEAST_CHECKED, Findings
from boxwatch.wiring.study_recipes import studied
from boxwatch.wiring.succession import DETECTORS
from boxwatch.wiring.window_files import read_windows

TASK: Final = DETECTORS
PROFILE: Final = "profile."  # before a view's name: what its windows looked like
LEARNED: Final = 0.9  # the first share of the windows; the rest shows what was learned
_MARGIN: Final = timedelta(minutes=2)  # before and after an incident, in which nothing is learned


class DetectorTask:
    """The models of all views of one data folder.

    Args:
        settings: What a person set.
        data: The data folder; its windows were cut by `features` or `learn`.
        since: Windows that ended before are not selected.
    """

    name = TASK

    def __init__(self, settings: Settings, data: Path, since: datetime | None = None) -> None:
        self._settings = settings
        self._data = data
        self._since = since

    def recipe(self) -> Mapping[str, Any]:
        """The settings that decide what comes out."""
        models = self._settings.models
        plain = {"seed": models.seed, "courses": models.courses, "learned": LEARNED}
        if models.study is None:
            return plain
        return {**plain, **studied(Layout(self._data).models, models.study)}

    def select(self) -> Selected:
        """The stored windows without those in incidents that nobody called false or expected.

        Raises:
            UsageError: there are none.
        """
        incidents = self._incidents()
        rows, excluded = {}, {}
        for name, view in VIEWS.items():
            windows = read_windows(self._data, view).sort("start", "host", "entity")
            if self._since is not None:
                windows = windows.filter(pl.col("end") > self._since)
            kept = windows.filter(~in_incidents(incidents))
            if kept.height >= LEAST_WINDOWS:
                rows[name] = kept
                excluded[name] = windows.height - kept.height
        if not rows:
            raise UsageError(
                f"No view of {str(self._data)!r} has windows outside incidents.",
                hint="Collect and normalize records first, then run `boxwatch features`; "
                "`boxwatch incidents false-alarm ID` frees the time of an incident.",
            )
        every = pl.concat([one.select("host", "start", "end") for one in rows.values()])
        return Selected(
            rows,
            {
                "start": from_micros(every["start"].to_physical().min()).isoformat(),  # type: ignore[arg-type]
                "end": from_micros(every["end"].to_physical().max()).isoformat(),  # type: ignore[arg-type]
                "hosts": sorted(every["host"].unique()),
                "excluded_windows": excluded,
                "excluded": [_named(one) for one in incidents],
                "features": {name: VIEWS[name].columns for name in rows},
            },
        )

    def train(
        self, rows: Mapping[str, pl.DataFrame], recipe: Mapping[str, Any]
    ) -> Mapping[str, Saved]:
        """The model of each view, and beside it what its windows looked like."""
        parts: dict[str, Saved] = {}
        for name, windows in rows.items():
            learned = _split(windows, recipe["learned"])[0]
            parts[name] = fit_windows(VIEWS[name], learned, recipe).save()
            if learned.height >= LEAST_ROWS:
                parts[PROFILE + name] = Profile.of(learned.select(VIEWS[name].columns)).save()
        return parts

    def measure(self, parts: Mapping[str, Saved], rows: Mapping[str, pl.DataFrame]) -> Evidence:
        """Faults injected into the windows that were not learned from, and alarms without any."""
        total = Findings()
        for name, windows in rows.items():
            if name in parts:
                checked = _split(windows, LEARNED)[1]
                alpha = alarm_level(self._settings, VIEWS[name], windows)
                total.add(VIEWS[name], parts[name], checked, alpha)
        incidents = self._incidents()
        return Evidence(
            quality=total.quality,
            trials=total.trials,
            false_alarms=total.false_alarms,
            normal_weeks=total.host_weeks,
            found=total.found,
            strange_above=total.above(),
            row_seconds=total.seconds / total.scored if total.scored > 0 else None,
            bytes_at_rest=sum(
                array.nbytes for saved in parts.values() for array in saved.arrays.values()
            ),
            features={
                name: tuple(parts[name].meta["features"])  # type: ignore[arg-type]
                for name in parts
                if name in VIEWS
            },
            learned={
                name.removeprefix(PROFILE): Profile.load(saved)
                for name, saved in parts.items()
                if name.startswith(PROFILE)
            },
            contaminated=sum(
                windows.select(in_incidents(incidents).sum()).item() for windows in rows.values()
            ),
            rows=sum(windows.height for windows in rows.values()),
            unmeasured=tuple(total.unmeasured),
        )

    def _incidents(self) -> list[Incident]:
        with StateStore.open(self._data) as store:
            return happened(store)


def alarm_level(settings: Settings, view: View, windows: pl.DataFrame) -> float:
    """The p-value at which `windows` of `view` are an alarm, by the budget of false alarms."""
    hosts = windows["host"].n_unique()
    entities = windows.select(pl.struct("host", "entity").n_unique()).item()
    budget = settings.detections.false_alarms_per_host_week
    share = 1.0 / len(VIEWS)
    return IN_A_ROW * threshold(budget, view.window_s, max(entities / hosts, 1.0), share)


def happened(store: StateStore) -> list[Incident]:
    """The incidents in which something was wrong: not those called false, a false alarm, expected.

    What a person labelled real counts whatever its state.
    """
    return [one for one in store.incidents() if one.wrong]


def fit_windows(view: View, windows: pl.DataFrame, recipe: Mapping[str, Any]) -> ViewModel:
    """The model of `view` from `windows` (its schema), in any order."""
    ordered = windows.sort("start", "host", "entity")
    keys = _keys(ordered)
    entities = sorted(set(keys))
    numbers = {key: number for number, key in enumerate(entities)}
    return fit(
        view,
        ordered.select(view.columns).to_numpy().astype(np.float32),
        np.fromiter((numbers[key] for key in keys), np.int32, len(keys)),
        entities,
        recipe["seed"],
        ordered["start"].to_physical().to_numpy(),
        courses=recipe["courses"],
        options=recipe.get("options"),
    )


def in_incidents(incidents: list[Incident]) -> pl.Expr:
    """Whether a window lies in an incident of its host, or within `_MARGIN` of one."""
    found = pl.lit(value=False)
    for one in incidents:
        found |= (
            (pl.col("host") == one.host)
            & (pl.col("start") < one.end + _MARGIN)
            & (pl.col("end") > one.start - _MARGIN)
        )
    return found


def _keys(windows: pl.DataFrame) -> list[str]:
    return windows.select(pl.concat_str("host", pl.lit("\0"), "entity"))[:, 0].to_list()


def _split(windows: pl.DataFrame, share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The earlier windows and the later ones; all to the earlier where they are few."""
    ordered = windows.sort("start", "host", "entity")
    cut = int(ordered.height * share)
    if ordered.height - cut < LEAST_CHECKED:
        cut = ordered.height
    return ordered.head(cut), ordered.tail(ordered.height - cut)


def _named(incident: Incident) -> dict[str, str]:
    return {
        "incident": incident.id,
        "host": incident.host,
        "start": incident.start.isoformat(),
        "end": incident.end.isoformat(),
        "why": incident.title,
    }
