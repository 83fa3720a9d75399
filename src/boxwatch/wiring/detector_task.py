"""The detectors of a data folder as a task of `lifecycle`: what to learn from, and how well."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.clock import from_micros
from boxwatch.detections import IN_A_ROW, LEAST_WINDOWS, ViewModel, fit, load_view_model
from boxwatch.errors import UsageError
from boxwatch.features import VIEWS, View
from boxwatch.incidents import Incident
from boxwatch.lifecycle import Evidence, Profile, Selected
from boxwatch.lifecycle.drift import LEAST_ROWS
from boxwatch.models import SPAN, WEEK_SECONDS, Saved, threshold
from boxwatch.settings import Settings
from boxwatch.store import Layout, StateStore
from boxwatch.wiring.injected import GLARING, LASTS, Cases, alarms, found, inject, p_values, runs
from boxwatch.wiring.study_recipes import studied
from boxwatch.wiring.succession import DETECTORS
from boxwatch.wiring.window_files import read_windows

TASK: Final = DETECTORS
PROFILE: Final = "profile."  # before a view's name: what its windows looked like
LEARNED: Final = 0.9  # the first share of the windows; the rest shows what was learned
LEAST_CHECKED: Final = 4 * (SPAN + LASTS)
_MARGIN: Final = timedelta(minutes=2)  # before and after an incident, in which nothing is learned
_WORD: Final = 0.05
_TIMED: Final = 3  # runs, of which the fastest counts: the others waited for something else


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
        total = _Counts()
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


class _Counts:
    """What the views' measurements come to together."""

    def __init__(self) -> None:
        self.quality: dict[str, float] = {}
        self.trials: dict[str, int] = {}
        self.found: dict[str, tuple[int, int]] = {}
        self.unmeasured: list[str] = []
        self.false_alarms = 0
        self.host_weeks = 0.0
        self.seconds = 0.0
        self.scored = 0
        self._pairs = 0.0
        self._above = 0.0

    def add(self, view: View, saved: Saved, checked: pl.DataFrame, alpha: float) -> None:
        """Measure one view on windows that were not learned from."""
        if checked.height < LEAST_CHECKED:
            self.unmeasured.append(f"{view.name}: {checked.height} windows to check with")
            return
        model = load_view_model(view, saved)
        normal = self._normal(model, checked, alpha)
        cases = inject(view, checked, seed=0)
        if not cases.keys:
            self.unmeasured.append(f"{view.name}: no entity has {SPAN + LASTS} windows in a row")
            return
        hits, p = found(model, cases, alpha)
        self._cases(view, cases, hits, runs(p[:, SPAN:] <= _kept_to_its_word(alpha, normal)))
        glaring = cases.strengths == GLARING
        strange = p[glaring][:, SPAN:].ravel()
        order = np.sort(normal)
        after = len(order) - np.searchsorted(order, strange, side="right")
        equal = np.searchsorted(order, strange, side="right") - np.searchsorted(order, strange)
        self._above += float((after + equal / 2.0).sum())
        self._pairs += float(len(strange) * len(order))

    def above(self) -> float | None:
        """The share of pairs in which the strange row has the smaller p-value."""
        return None if self._pairs == 0.0 else self._above / self._pairs

    def _normal(self, model: ViewModel, checked: pl.DataFrame, alpha: float) -> NDArray[np.float64]:
        """P-values of the windows as they are; counts their alarms and what they cost."""
        ordered = checked.sort("host", "entity", "start")
        moments = checked.select(pl.struct("host", "start").n_unique()).item()
        weeks = moments * model.view.window_s / WEEK_SECONDS
        self.host_weeks = max(self.host_weeks, weeks)
        found = []
        for (host, entity), rows in ordered.group_by("host", "entity", maintain_order=True):
            x = rows.select(model.view.columns).to_numpy().astype(np.float64)
            seconds = []
            for _ in range(_TIMED):
                began = time.process_time()
                p = p_values(model, x, [f"{host}\0{entity}"] * len(x), len(x))
                seconds.append(time.process_time() - began)
            self.seconds += min(seconds)
            self.scored += len(x)
            self.false_alarms += alarms(p, alpha)
            found.append(p)
        return np.concatenate(found)

    def _cases(
        self, view: View, cases: Cases, hits: NDArray[np.bool_], fair: NDArray[np.bool_]
    ) -> None:
        """Count what was found at the budget, and for quality what `fair`ly was."""
        features = np.array(cases.features)
        for feature in dict.fromkeys(cases.features):
            for strength in np.unique(cases.strengths):
                mine = (features == feature) & (cases.strengths == strength)
                if mine.any():
                    case = f"{view.name} {feature} x{strength:g}"
                    self.quality[case] = float(fair[mine].mean())
                    self.trials[case] = int(mine.sum())
        glaring = cases.strengths == GLARING
        self.found[view.name] = (int(hits[glaring].sum()), int(glaring.sum()))


def _kept_to_its_word(alpha: float, normal: NDArray[np.float64]) -> float:
    """`alpha`, lowered for a model that calls normal windows rarer than they are.

    To find more because all windows look strange is no skill: after drift the old model would
    always seem the better one. Held to its word is one p-value in twenty, where there are enough.
    """
    return float(alpha * min(1.0, np.quantile(normal, _WORD) / _WORD))


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
