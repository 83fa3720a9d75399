"""The model of one view: scale, members and calibrations, fitted together, used together.

This is the one path for scores: live watching, replay, backfill, evaluation, `score` over a table
and the benches all call `ViewModel.score`; `learning.fit` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections.occasions import Occasions
from boxwatch.detections.past import Stretches
from boxwatch.detections.plans import PLANS, Member, Plan
from boxwatch.detections.reference import believed
from boxwatch.detections.seen import Seen, see
from boxwatch.errors import ModelError
from boxwatch.features import View
from boxwatch.models import (
    DETECTORS,
    SPAN,
    Baseline,
    Calibrator,
    Detector,
    Matrix,
    Ranges,
    Reach,
    Saved,
    Vector,
    combine,
    per_feature,
)

Float64 = NDArray[np.float64]

FORMAT: Final = 2  # of what `save` returns; 1 knew neither context nor tables
_CHUNK: Final = 4_096  # windows in context at a time: 30 features are 3 MB
_SCALES: Final[tuple[type[Baseline | Ranges], ...]] = (Baseline, Ranges)

_Part = Baseline | Ranges | Reach | Detector | Calibrator | Occasions


@dataclass(slots=True)
class ViewModel:
    """A fitted view. `entities` are "host NUL entity" keys; an unknown one uses the pool.

    `excess` says how many times as high as others a window scores in context of which 0, 1, …
    windows before it are known; `occasions` gives the alarms of a table and is None elsewhere.
    """

    view: View
    plan: Plan
    entities: list[str]
    scale: Baseline | Ranges
    reach: Reach
    detectors: dict[str, Detector]
    calibrators: dict[str, dict[int, Calibrator]]  # detector -> entity number, -1 for the pool
    excess: Float64
    occasions: Occasions | None
    version: str
    windows: int

    @property
    def in_context(self) -> bool:
        """Whether `see` needs to know where windows stand among those before them."""
        return any(self.plan.member(name).in_context for name in self.detectors)

    def numbers(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """The number of each entity, -1 for one that was not there at the fit."""
        index = {key: i for i, key in enumerate(self.entities)}
        return np.fromiter((index.get(key, -1) for key in keys), np.int64, len(keys))

    def see(
        self, x: Float64, entity: NDArray[np.int64], stretches: Stretches | None = None
    ) -> Seen:
        """Windows as `score` and `shares` take them.

        Args:
            x: Feature values (windows, features), NaN = unknown.
            entity: Entity number of each window, from `numbers`.
            stretches: Where they stand among those before them (`Past.follow`); may be None
                unless the model is `in_context`.
        """
        known = stretches if self.in_context else None
        return see(self.view, self.scale, self.reach, x, entity, known)

    def score(self, seen: Seen) -> tuple[dict[str, Vector], dict[str, Float64]]:
        """Raw scores and p-values by detector; `combined` is among the p-values."""
        raw, p = {}, {}
        for name, detector in self.detectors.items():
            member = self.plan.member(name)
            raw[name] = member_scores(member, detector, seen, np.arange(len(seen.z)))
            if member.in_context:
                raw[name] /= self._early(seen, np.arange(len(seen.z)))
            p[name] = self._p_values(member, raw[name], seen.entity)
        p["combined"] = combine(np.column_stack(list(p.values())))
        return raw, p

    def shares(self, name: str, seen: Seen, which: NDArray[np.integer]) -> Matrix:
        """What each feature adds to one detector's scores of the windows `which`."""
        member, detector = self.plan.member(name), self.detectors[name]
        if not member.in_context:
            return detector.contributions(seen.by(member, which))
        parts = [
            per_feature(detector.contributions(seen.by(member, part))) for part in _chunks(which)
        ]
        found = np.vstack([np.empty((0, seen.z.shape[1]), np.float32), *parts])
        return np.asarray(found / self._early(seen, which)[:, None], dtype=np.float32)

    def _early(self, seen: Seen, which: NDArray[np.integer]) -> Vector:
        """By how much scores of windows with a short past are brought down."""
        if seen.course is None:
            return np.ones(len(which), np.float32)
        return np.asarray(self.excess[seen.course.stretches.known[which]], dtype=np.float32)

    def _p_values(self, member: Member, scores: Vector, entity: NDArray[np.int64]) -> Float64:
        own = self.calibrators[member.name]
        p = np.ones(len(scores))
        for number in np.unique(entity):
            rows = entity == number
            calibrator = own.get(int(number), own[-1])
            p[rows] = believed(member.claims, calibrator, scores[rows])
        return p

    def save(self) -> Saved:
        """Arrays and meta of all parts, prefixed by the part's name."""
        arrays: dict[str, NDArray[np.generic]] = {"excess": self.excess}
        meta: dict[str, object] = {
            "format": FORMAT,
            "view": self.view.name,
            "plan": self.plan.name,
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

    def _parts(self) -> list[tuple[str, _Part]]:
        parts: list[tuple[str, _Part]] = [("scale", self.scale), ("reach", self.reach)]
        if self.occasions is not None:
            parts.append(("occasions", self.occasions))
        parts += [(f"detector.{name}", part) for name, part in self.detectors.items()]
        for name, group in self.calibrators.items():
            parts += [(f"calibrator.{name}.{number}", part) for number, part in group.items()]
        return parts


def member_scores(
    member: Member, detector: Detector, seen: Seen, which: NDArray[np.integer]
) -> Vector:
    """Raw scores of the windows `which` by one member."""
    if not member.in_context:
        return detector.score(seen.by(member, which))
    none = np.empty(0, np.float32)
    return np.concatenate(
        [none, *(detector.score(seen.by(member, part)) for part in _chunks(which))]
    )


def _chunks(which: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
    for start in range(0, len(which), _CHUNK):
        yield which[start : start + _CHUNK]


def is_current(view: View, saved: Saved) -> bool:
    """Whether `saved` is of this version of Boxwatch and of the view as it is now."""
    return saved.meta.get("format") == FORMAT and saved.meta.get("features") == view.columns


def load_view_model(view: View, saved: Saved) -> ViewModel:
    """The model that `ViewModel.save` described.

    Raises:
        ModelError: it is of another version, or of a view with other features.
    """
    if not is_current(view, saved):
        raise ModelError(
            f"The model {saved.meta.get('version')!r} of the view {view.name!r} was trained by "
            f"another version of Boxwatch: it is of format {saved.meta.get('format', 1)!r} with "
            f"{len(cast('list[str]', saved.meta.get('features', [])))} features, not of format "
            f"{FORMAT} with {len(view.columns)}.",
            hint="Run `boxwatch features`, then `boxwatch train`.",
        )
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
    scale = next(kind for kind in _SCALES if part("scale").meta["model"] == kind.name)
    return ViewModel(
        view=view,
        plan=PLANS[str(saved.meta["plan"])],
        entities=list(cast("list[str]", saved.meta["entities"])),
        scale=scale.load(part("scale")),
        reach=Reach.load(part("reach")),
        detectors=detectors,
        calibrators=calibrators,
        excess=np.array(cast("Float64", saved.arrays["excess"]), np.float64).reshape(SPAN),
        occasions=Occasions.load(part("occasions")) if "occasions" in saved.meta else None,
        version=str(saved.meta["version"]),
        windows=int(cast("int", saved.meta["windows"])),
    )
