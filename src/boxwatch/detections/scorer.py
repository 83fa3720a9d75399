"""The scorer: windows in, scores out, learning as it goes.

A view learns for the baseline time, then scores, and learns again at set ages from all it has seen
and not found strange. The ages are measured in the windows' own time, so a replay learns at the
same instants as the live run did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, cast

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections import learning
from boxwatch.detections.doubt import Doubt
from boxwatch.detections.explanation import contributions
from boxwatch.detections.history import History
from boxwatch.detections.past import Past
from boxwatch.detections.plans import plan_of
from boxwatch.detections.scores import COMBINED, SCORES
from boxwatch.detections.seen import Seen
from boxwatch.detections.view_model import ViewModel, is_current, load_view_model
from boxwatch.detections.watched import FORGET_S, Watched
from boxwatch.features import View
from boxwatch.models import Saved

_AGES_S: Final = (60, 120, 300, 600, 1200, 1800, 2700, 3600)  # then every hour, then every four
_HOURLY_UNTIL_S: Final = 12 * 3600
_TRUSTED_S: Final = 24 * 3600  # how long a model that was trained before judges unchanged
_STRANGE: Final = 1e-4  # windows below this p-value begin a stretch not learned from (`Doubt`)
_EXPLAINED: Final = 1e-3  # windows below this p-value carry their contributions


class ViewScorer:
    """Scores the windows of one view. All state is in `save()`.

    Args:
        view: The view.
        baseline_s: How long to learn before the first score.
        seed: For the detectors.
        courses: Whether a view of readings is judged by how these run, too.
        model: A model trained before; with one there is no waiting. It also takes over from a
            state that `load` takes up, unless that state began with this very model.
        kept: Whether a model that was trained before judges unchanged until `take_up` brings
            another; else the view learns on from the second day.
    """

    def __init__(  # noqa: PLR0913 - a default is right for all but the baseline
        self,
        view: View,
        *,
        baseline_s: float,
        seed: int = 0,
        courses: bool = False,
        model: ViewModel | None = None,
        kept: bool = False,
    ) -> None:
        self.view = view
        self.model = model
        self.trained = None if model is None else model.version  # the last that was taken up
        self._kept = kept
        self.challenger: ViewModel | None = None  # scores beside the model, for `taken_beside`
        self._beside: list[pl.DataFrame] = []
        self._baseline_s = baseline_s
        self._seed = seed
        self._courses = courses or (model is not None and model.in_context)
        self._history = History(len(view.columns))
        self._past = Past(len(view.columns), learning.PAUSE_WINDOWS * 1e6 * view.window_s)
        self._entities: list[str] = []
        self._doubts: dict[str, Doubt] = {}
        self._seen: dict[str, float] = {}  # watched seconds at the latest window, by entity
        self._watched = Watched()
        self._began: int | None = None
        self._next_fit: int | None = None

    def add(self, windows: pl.DataFrame) -> pl.DataFrame:
        """Scores of `windows` (this view's, oldest first); none while there is no model yet."""
        parts = []
        rest = windows
        while not rest.is_empty():
            if self._began is None:
                self._begin(to_micros(rest["start"][0]))
            due = cast("int", self._next_fit)
            count = int((rest["start"].to_physical() < due).sum())
            before, rest = rest.head(count), rest.slice(count)
            if not before.is_empty():
                parts.append(self._score_and_remember(before))
            if not rest.is_empty():
                self._fit(due, to_micros(rest["start"][0]))
        return pl.concat(parts) if parts else pl.DataFrame(schema=dict(SCORES))

    def ready_at(self) -> datetime | None:
        """When the first model will be fitted; None once there is one, or nothing came yet."""
        if self.model is not None or self._next_fit is None:
            return None
        return from_micros(self._next_fit)

    def take_up(self, model: ViewModel | None) -> None:
        """Judge by `model` from the next window on; all that is remembered stays.

        None gives the view back to itself: what judges goes on until the view learns next.
        """
        self.trained = None if model is None else model.version
        if model is not None:
            self.model = model
            self._courses = self._courses or model.in_context
            self._began = None  # it is trusted from the next window on

    def taken_beside(self) -> list[pl.DataFrame]:
        """What the challenger says of the windows scored since the last call; `SCORES`."""
        beside, self._beside = self._beside, []
        return beside

    def _begin(self, start: int) -> None:
        self._began = start
        wait_s = self._baseline_s if self.model is None else _TRUSTED_S
        self._next_fit = start + int(wait_s * 1e6)

    def _fit(self, due: int, coming: int) -> None:
        """Learn at `due`, and say when to learn next: after `coming`, the next window's start."""
        self._forget()
        self._history.thin()
        fitted = None if self._kept and self.trained is not None else self._fitted()
        if fitted is not None:
            self.model = fitted
        elif self.model is None:
            self._began = None  # too little before a pause: the baseline time begins anew
            return
        # Over a pause of days, or where a clock jumps by years, there is nothing new to learn.
        while due <= coming:
            age_s = (due - cast("int", self._began)) / 1e6
            then = 3600 if age_s < _HOURLY_UNTIL_S else 4 * 3600
            due += int(1e6 * next((age - age_s for age in _AGES_S if age > age_s), then))
        self._next_fit = due

    def _fitted(self) -> ViewModel | None:
        """A model of all that is remembered; None where that teaches nothing."""
        x, entity, start = self._history.rows()
        if len(x) < learning.LEAST_WINDOWS:
            return None
        return learning.fit(
            self.view, x, entity, self._entities, self._seed, start, courses=self._courses
        )

    def _forget(self) -> None:
        """Let go of entities that are no more, and of what was learned from them."""
        oldest = self._watched.seconds - FORGET_S
        kept = [key for key in self._entities if self._seen[key] >= oldest]
        if len(kept) == len(self._entities):
            return
        place = {key: number for number, key in enumerate(kept)}
        numbers = [place.get(key, -1) for key in self._entities]
        self._history.keep(np.array(numbers, np.int32))
        self._past.keep(np.array(numbers))
        self._entities = kept
        self._doubts = {key: self._doubts[key] for key in kept}
        self._seen = {key: self._seen[key] for key in kept}

    def _score_and_remember(self, windows: pl.DataFrame) -> pl.DataFrame:
        kept = windows.select(self.view.columns).to_numpy().astype(np.float32)
        x = kept.astype(np.float64)  # as it will be remembered, so that turns play no part
        hosts, entities = windows["host"].to_list(), windows["entity"].to_list()
        keys = [f"{host}\0{entity}" for host, entity in zip(hosts, entities, strict=True)]
        who, start = self._numbered(keys), windows["start"].to_physical().to_numpy()
        in_context = plan_of(self.view, courses=self._courses).in_context
        in_context = in_context or (self.challenger is not None and self.challenger.in_context)
        stretches = self._past.follow(x, who, start) if in_context else None
        if self.model is None:
            self._remember(windows, kept, who, np.ones(len(x)))
            return pl.DataFrame(schema=dict(SCORES))
        seen = self.model.see(x, self.model.numbers(keys), stretches)
        raw, p = self.model.score(seen)
        self._remember(windows, kept, who, p[COMBINED])
        if self.challenger is not None:
            other = self.challenger
            p_beside = other.score(other.see(x, other.numbers(keys), stretches))[1]
            only = {COMBINED: p_beside[COMBINED]}
            self._beside.append(_table(windows, other.version, {}, only, [None] * len(x)))
        return _table(windows, self.model.version, raw, p, self._explain(x, seen, p))

    def _explain(
        self,
        x: NDArray[np.float64],
        seen: Seen,
        p: Mapping[str, NDArray[np.float64]],
    ) -> list[str | None]:
        """The contributions of the windows that deserve one, by the detector most sure of it."""
        model = cast("ViewModel", self.model)
        texts: list[str | None] = [None] * len(x)
        names = [name for name in p if name != COMBINED]
        by_detector = np.column_stack([p[name] for name in names])
        rows = np.flatnonzero(p[COMBINED] <= _EXPLAINED)
        for row in rows:
            surest = names[int(np.argmin(by_detector[row]))]
            shares = model.shares(surest, seen, np.array([row]))[0]
            usual, spread = model.scale.usual(int(seen.entity[row]))
            parts = contributions(model.view.features, shares, x[row], usual, spread)
            texts[row] = orjson.dumps(parts).decode()
        return texts

    def _remember(
        self,
        windows: pl.DataFrame,
        x: NDArray[np.float32],
        who: NDArray[np.int32],
        p: NDArray[np.float64],
    ) -> None:
        """Learn from the windows that are not strange, or have become the rule."""
        keys = [self._entities[number] for number in who.tolist()]
        keep = np.zeros(len(keys), bool)
        for row, key in enumerate(keys):
            doubt = self._doubts.setdefault(key, Doubt())
            keep[row] = doubt.trusts(strange=bool(p[row] <= _STRANGE))
        start = windows["start"].to_physical().to_numpy()
        self._seen.update(dict.fromkeys(keys, self._watched.until(windows["start"][-1])))
        self._history.add(x[keep], who[keep], start[keep])

    def _numbered(self, keys: list[str]) -> NDArray[np.int32]:
        """The number of each entity here; a new one gets the next."""
        known = {key: number for number, key in enumerate(self._entities)}
        for key in keys:
            if key not in known:
                known[key] = len(self._entities)
                self._entities.append(key)
        return np.fromiter((known[key] for key in keys), np.int32, len(keys))

    def save(self) -> dict[str, object]:
        """All state: arrays and JSON-able values; `model` is a Saved or None."""
        return {
            "began": self._began,
            "next_fit": self._next_fit,
            "entities": list(self._entities),
            "seen": [self._seen[key] for key in self._entities],
            "watched": self._watched.save(),
            "doubts": {key: asdict(doubt) for key, doubt in self._doubts.items()},
            "history": self._history.save(),
            "past": self._past.save(),
            "trained": self.trained,
            "model": None if self.model is None else self.model.save(),
        }

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned, or an earlier version of it.

        A model that an earlier version fitted is fitted anew from what it was to learn from; of a
        view with other features than these nothing can be taken up, and it begins anew.
        """
        history = cast("Mapping[str, NDArray[np.float32]]", saved["history"])
        if history["x"].shape[1] != len(self.view.columns):
            return
        self._began = cast("int | None", saved["began"])
        self._next_fit = cast("int | None", saved["next_fit"])
        self._entities = list(cast("list[str]", saved["entities"]))
        self._seen = dict(zip(self._entities, cast("list[float]", saved["seen"]), strict=True))
        self._watched.load(cast("Mapping[str, object]", saved["watched"]))
        doubts = cast("dict[str, dict[str, Any]]", saved["doubts"])
        self._doubts = {key: Doubt(**doubt) for key, doubt in doubts.items()}
        self._history.load(history)
        if "past" in saved:
            self._past.load(cast("Mapping[str, object]", saved["past"]))
        if self.trained is not None and saved["trained"] != self.trained:
            self._began = None  # trained since: it is trusted from the next window on
            return
        model = cast("Saved | None", saved["model"])
        if model is None or is_current(self.view, model):
            self.model = None if model is None else load_view_model(self.view, model)
            self._courses = self._courses or (self.model is not None and self.model.in_context)
            self.trained = cast("str | None", saved["trained"])
        elif self.trained is None:
            self.model = self._fitted()


def _table(
    windows: pl.DataFrame,
    version: str,
    raw: Mapping[str, NDArray[np.float32]],
    p: Mapping[str, NDArray[np.float64]],
    explained: list[str | None],
) -> pl.DataFrame:
    """The `scores` of windows, detector after detector; `explained` goes with what is combined."""
    rows, names = windows.height, list(p)
    scores = [raw.get(name, -np.log10(p[name])).astype(np.float32) for name in names]
    texts: list[str | None] = []
    for name in names:
        texts += explained if name == COMBINED else [None] * rows
    key = windows.select("host", "view", "entity", "start", "end")
    return pl.concat([key] * len(names)).with_columns(
        pl.Series("detector", [name for name in names for _ in range(rows)], dtype=pl.String),
        pl.Series("model_version", [version] * (rows * len(names)), dtype=pl.String),
        pl.Series("raw", np.concatenate(scores)),
        pl.Series("p_value", np.concatenate([p[name] for name in names])),
        pl.Series("contributions", texts, dtype=pl.String),
    )
