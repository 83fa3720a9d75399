"""The model of one view: baselines, detectors and calibrations, fitted together, used together.

This is the one path for scores: live watching, replay, backfill and evaluation all call
`ViewModel.score`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import xxhash
from numpy.typing import NDArray

from boxwatch.features import Direction, View
from boxwatch.models import (
    DETECTORS,
    Baseline,
    Calibrator,
    Detector,
    Matrix,
    Reach,
    Saved,
    combine,
    watched,
)

_HELD_OUT: Final = 0.3  # the latest share of the windows calibrates what the earlier ones taught
_LEAST_HELD_OUT: Final = 60  # held-out windows from which calibration is worth its loss
_LEAST_JOINT: Final = 700  # windows from which the joint models have something to say
# Counts of lines are nearly always zero: joint models then call every second combination strange.
_JOINT_VIEWS: Final = ("gpu", "host")
_LEAST_OF_ONE: Final = 100  # held-out windows of one entity for a calibration of its own
_MOST_ROWS: Final = 8_000  # rows a joint model learns from: more changes it little
_BEYOND_HISTORY: Final = 0.1
_REFERENCE_WINDOWS: Final = 40_000  # held-out windows that the reference counts for: a good week
FIRST: Final = "robust_z"  # the detector that needs least data and is always there
LEAST_WINDOWS: Final = DETECTORS[FIRST].least_windows  # fewer teach nothing


def _reference() -> Calibrator:
    """How robust z scores fall off on an ordinary machine: what is assumed before there are data.

    One plus an exponential of scale 0.45: a window of score 7.5 comes about once in half a
    million, one a month at 5 s. It weighs as little as the calibration lets a prior weigh.
    """
    at = (np.arange(5000) + 0.5) / 5000
    scores = (1.0 - 0.45 * np.log(1.0 - at)).astype(np.float32)
    return Calibrator.fit(np.random.default_rng(0).permutation(scores))


REFERENCE: Final = _reference()


def directed(view: View, z: Matrix) -> Matrix:
    """`z` with 0 where a feature moved in a direction that is no finding."""
    directions = [feature.direction for feature in view.features]
    high = np.array([way in (Direction.HIGH, Direction.BOTH) for way in directions])
    low = np.array([way in (Direction.LOW, Direction.BOTH) for way in directions])
    return watched(z, high, low)


@dataclass(slots=True)
class ViewModel:
    """A fitted view. `entities` are "host NUL entity" keys; an unknown one uses the pool."""

    view: View
    entities: list[str]
    baseline: Baseline
    reach: Reach
    detectors: dict[str, Detector]
    calibrators: dict[str, dict[int, Calibrator]]  # detector -> entity number, -1 for the pool
    version: str
    windows: int

    def numbers(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """The number of each entity, -1 for one that was not there at the fit."""
        index = {key: i for i, key in enumerate(self.entities)}
        return np.fromiter((index.get(key, -1) for key in keys), np.int64, len(keys))

    def score(
        self, x: NDArray[np.float64], entity: NDArray[np.int64]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float64]]]:
        """Raw scores and p-values by detector; `combined` is among the p-values.

        Args:
            x: Feature values (windows, features), NaN = unknown.
            entity: Entity number of each window, from `numbers`.
        """
        z = self.baseline.standardise(x, entity)
        raw = {
            name: part.score(self._seen_by(name, z, entity))
            for name, part in self.detectors.items()
        }
        p = {name: self._p_values(name, scores, entity) for name, scores in raw.items()}
        p["combined"] = combine(np.column_stack(list(p.values())))
        return raw, p

    def _p_values(
        self, name: str, scores: NDArray[np.float32], entity: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        own = self.calibrators[name]
        p = np.ones(len(scores))
        for number in np.unique(entity):
            rows = entity == number
            calibrator = own.get(int(number), own[-1])
            p[rows] = _believed(name, calibrator, scores[rows])
        return p

    def shares(
        self, name: str, x: NDArray[np.float64], entity: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """What each feature adds to one detector's scores, (windows, features)."""
        z = self.baseline.standardise(x, entity)
        return self.detectors[name].contributions(self._seen_by(name, z, entity))

    def _seen_by(self, name: str, z: Matrix, entity: NDArray[np.int64]) -> Matrix:
        return self.reach.scale(directed(self.view, z), entity) if name == FIRST else z

    def save(self) -> Saved:
        """Arrays and meta of all parts, prefixed by the part's name."""
        arrays: dict[str, NDArray[np.generic]] = {}
        meta: dict[str, object] = {
            "view": self.view.name,
            "features": self.view.columns,
            "entities": self.entities,
            "version": self.version,
            "windows": self.windows,
        }
        for prefix, part in self._parts():
            saved = part.save()
            arrays.update({f"{prefix}/{name}": array for name, array in saved.arrays.items()})
            meta[prefix] = dict(saved.meta)
        return Saved(arrays, meta)

    def _parts(self) -> list[tuple[str, Baseline | Reach | Detector | Calibrator]]:
        parts: list[tuple[str, Baseline | Reach | Detector | Calibrator]] = [
            ("baseline", self.baseline),
            ("reach", self.reach),
        ]
        parts += [(f"detector.{name}", part) for name, part in self.detectors.items()]
        for name, group in self.calibrators.items():
            parts += [(f"calibrator.{name}.{number}", part) for number, part in group.items()]
        return parts


def load_view_model(view: View, saved: Saved) -> ViewModel:
    """The model that `ViewModel.save` described."""
    arrays: dict[str, dict[str, NDArray[np.generic]]] = {}
    for path, array in saved.arrays.items():
        prefix, _, name = path.partition("/")
        arrays.setdefault(prefix, {})[name] = array

    def part(prefix: str) -> Saved:
        return Saved(arrays.get(prefix, {}), cast("Mapping[str, object]", saved.meta[prefix]))

    detectors: dict[str, Detector] = {}
    calibrators: dict[str, dict[int, Calibrator]] = {}
    for prefix in saved.meta:
        kind, _, rest = prefix.partition(".")
        if kind == "detector":
            detectors[rest] = DETECTORS[rest].load(part(prefix))
        elif kind == "calibrator":
            name, _, number = rest.rpartition(".")
            calibrators.setdefault(name, {})[int(number)] = Calibrator.load(part(prefix))
    return ViewModel(
        view=view,
        entities=list(cast("list[str]", saved.meta["entities"])),
        baseline=Baseline.load(part("baseline")),
        reach=Reach.load(part("reach")),
        detectors=detectors,
        calibrators=calibrators,
        version=str(saved.meta["version"]),
        windows=int(cast("int", saved.meta["windows"])),
    )


def fit(
    view: View,
    x: NDArray[np.float32],
    entity: NDArray[np.int32],
    entities: Sequence[str],
    seed: int,
) -> ViewModel:
    """Learn a view from windows in time order.

    All windows teach what is usual and how far each entity ordinarily goes. The earlier ones teach
    the detectors, the later ones calibrate them: what changes from one to the other (a day that
    gets busier) widens the tails instead of raising alarms.

    Args:
        view: Names the columns of `x`.
        x: (windows, features), NaN = unknown.
        entity: Number of each row's entity in `entities`.
        entities: "host NUL entity" keys.
        seed: For the detectors that draw at random.
    """
    rows = len(x)
    held = int(rows * _HELD_OUT)
    cut = rows - held if held >= _LEAST_HELD_OUT else rows
    numbers = entity.astype(np.int64)
    baseline = Baseline.fit(
        x.astype(np.float64),
        numbers,
        prior=np.array([feature.spread for feature in view.features]),
        floor=np.array([feature.floor for feature in view.features]),
        entities=len(entities),
        prior_weight=86_400 / view.window_s,
    )
    z = baseline.standardise(x.astype(np.float64), numbers)
    reach = Reach.fit(directed(view, z), numbers, len(entities))
    directed_z = reach.scale(directed(view, z), numbers)
    detectors: dict[str, Detector] = {}
    calibrators: dict[str, dict[int, Calibrator]] = {}
    for name, kind in DETECTORS.items():
        joint = view.name in _JOINT_VIEWS and cut >= max(_LEAST_JOINT, kind.least_windows)
        if name != FIRST and not joint:
            continue
        seen = directed_z if name == FIRST else z
        detector = kind()
        detector.fit(_some(seen[:cut]), seed)
        detectors[name] = detector
        prior = REFERENCE if name == FIRST else None
        calibrators[name] = _calibrate(detector.score(seen[cut:]), numbers[cut:], prior)
    stamp = xxhash.xxh3_64_hexdigest(np.ascontiguousarray(x[:cut]).tobytes())[:8]
    version = f"{view.name}-{rows}-{stamp}"
    return ViewModel(view, list(entities), baseline, reach, detectors, calibrators, version, rows)


def _believed(
    name: str, calibrator: Calibrator, scores: NDArray[np.float32]
) -> NDArray[np.float64]:
    """p-values of the calibration, as far as its history carries them.

    A joint model has no reference: it may not claim a chance much smaller than its own history
    could have shown, so on its first days it explains and prolongs findings but opens none.
    Robust z is drawn towards the reference while days are few, by a weighted geometric mean (a
    logarithmic opinion pool; Genest and Zidek, Statistical Science 1986). Extremes of one day say
    little about those of a year, and a busy hour or an undetected fault in a short history would
    make everything look ordinary. How far an entity ordinarily goes is in its reach already.
    """
    p = calibrator.p_value(scores)
    windows = calibrator.fit_report().windows
    if name != FIRST:
        return np.maximum(p, _BEYOND_HISTORY / (windows + 1))
    weight = windows / (windows + _REFERENCE_WINDOWS)
    return np.asarray(p**weight * REFERENCE.p_value(scores) ** (1.0 - weight))


def _some(z: NDArray[np.float32]) -> NDArray[np.float32]:
    step = -(-len(z) // _MOST_ROWS)
    return z[::step]


def _calibrate(
    scores: NDArray[np.float32], entity: NDArray[np.int64], prior: Calibrator | None
) -> dict[int, Calibrator]:
    pool = Calibrator.fit(scores, prior=prior)
    own = {-1: pool}
    for number in np.unique(entity):
        rows = entity == number
        if rows.sum() >= _LEAST_OF_ONE:
            own[int(number)] = Calibrator.fit(scores[rows], prior=pool)
    return own
