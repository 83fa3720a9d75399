"""Fitting a view: windows in, a `ViewModel` out.

All windows teach what is usual and how far each entity ordinarily goes. Calibration needs scores of
windows that their member did not learn from, and a plan says which (`plans.Plan.folds`):

- The latest windows, for good: what changes from the earlier ones to them (a day that gets busier)
  widens the tails instead of raising alarms. For views that are watched and learn again.
- Each window once, in stretches of time, by members that learned from the others; then they learn
  from all (cross-conformal prediction; Vovk, Annals of Mathematics and Artificial Intelligence
  2015). Stretches, not windows drawn at random: neighbours in time would give a window away. For
  tables, of which nothing else will be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from boxwatch.detections.occasions import Occasions
from boxwatch.detections.past import Past
from boxwatch.detections.plans import Claims, Member, Plan, plan_of
from boxwatch.detections.reference import REFERENCE
from boxwatch.detections.seen import Seen, directed, see
from boxwatch.detections.view_model import ViewModel, member_scores
from boxwatch.errors import ModelError
from boxwatch.features import View
from boxwatch.models import SPAN, Baseline, Calibrator, Detector, Ranges, Reach, Vector

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

LEAST_WINDOWS: Final = 3  # fewer teach nothing
PAUSE_WINDOWS: Final = 1.5  # from one window to the next: after a missing one a course begins anew
_HELD_OUT: Final = 0.3  # the latest share of the windows, where those calibrate
_LEAST_HELD_OUT: Final = 60  # held-out windows from which calibration is worth its loss
_LEAST_OF_ONE: Final = 100  # held-out windows of one entity for a calibration of its own
_MOST_ROWS: Final = 8_000  # windows a joint model learns from: more change it little
_BEGINNINGS: Final = 64  # windows of each fold, by which those without a past are known
_HIGH: Final = 0.99  # the quantile of scores at which those with and without a past are alike
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Lesson:
    """Windows to learn from, what was made of them, and which of them are held out.

    `learned` are the windows that the final members learn from. Each fold is windows held out and
    the `learned` ones that the members judging them may know.
    """

    seen: Seen
    learned: Int64
    folds: tuple[tuple[Int64, Int64], ...]
    seed: int


def fit(  # noqa: PLR0913, PLR0917 - the windows with their keys, and when they were
    view: View,
    x: NDArray[np.floating],
    entity: NDArray[np.integer],
    entities: Sequence[str],
    seed: int,
    start: NDArray[np.integer] | None = None,
    *,
    courses: bool = False,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> ViewModel:
    """Learn a view from windows in time order.

    Args:
        view: Names the columns of `x`.
        x: (windows, features), NaN = unknown.
        entity: Number of each row's entity in `entities`.
        entities: "host NUL entity" keys.
        seed: For the detectors that draw at random.
        start: When each window starts, in µs; None where the rows of an entity follow one another.
        courses: Whether views of readings are judged by how these run, too.
        options: Of the detectors, by name, such as a study found; see `plans.Plan.tuned`.

    Raises:
        ModelError: fewer windows than `LEAST_WINDOWS`.
    """
    rows, plan = len(x), plan_of(view, courses=courses, options=options)
    if rows < LEAST_WINDOWS:
        raise ModelError(
            f"{rows} training rows teach nothing; at least {LEAST_WINDOWS} are needed.",
            hint="Train on a longer stretch of time.",
        )
    values, numbers = x.astype(np.float64), entity.astype(np.int64)
    scale = _scale(view, plan, values, numbers, len(entities))
    z = scale.standardise(values, numbers)
    reach = Reach.fit(directed(view, z), numbers, len(entities))
    cut = rows if plan.folds else _cut(rows)
    members = [member for member in plan.members if member.serves(cut)]
    stretches = None
    if any(member.in_context for member in members):
        past = Past(values.shape[1], PAUSE_WINDOWS * 1e6 * view.window_s)
        when = np.zeros(rows, np.int64) if start is None else start
        stretches = past.follow(values, numbers, when)
    seen = see(view, scale, reach, values, numbers, stretches)
    detectors: dict[str, Detector] = {}
    calibrators: dict[str, dict[int, Calibrator]] = {}
    occasions, excess = None, np.ones(SPAN)
    for member in members:
        lesson = _lesson(plan, member, seen, cut, seed)
        if lesson is None:
            continue
        fitted = _learn(member, lesson, lesson.learned)
        held, scores, early = _held_out(member, fitted, lesson)
        if member.in_context:
            excess = _excess(early, scores)
        detectors[member.name] = fitted
        prior = REFERENCE if member.claims is Claims.REFERENCE else None
        calibrators[member.name] = _calibrate(scores, numbers[held], prior, len(entities))
        if plan.folds:
            occasions = Occasions.fit(scores, SPAN if member.in_context else 1)
    stamp = xxhash.xxh3_64_hexdigest(np.ascontiguousarray(x[:cut], np.float32).tobytes())[:8]
    return ViewModel(
        view=view,
        plan=plan,
        entities=list(entities),
        scale=scale,
        reach=reach,
        detectors=detectors,
        calibrators=calibrators,
        excess=excess,
        occasions=occasions,
        version=f"{view.name}-{rows}-{stamp}",
        windows=rows,
    )


def _scale(view: View, plan: Plan, x: Float64, entity: Int64, entities: int) -> Baseline | Ranges:
    spread = np.array([feature.spread for feature in view.features])
    if not plan.knowledge:
        return Ranges.fit(x, entity, known=spread, entities=entities)
    return Baseline.fit(
        x,
        entity,
        prior=spread,
        floor=np.array([feature.floor for feature in view.features]),
        entities=entities,
        prior_weight=86_400 / view.window_s,
    )


def _cut(rows: int) -> int:
    """How many windows are learned from where the latest are held out."""
    held = int(rows * _HELD_OUT)
    return rows - held if held >= _LEAST_HELD_OUT else rows


def _lesson(plan: Plan, member: Member, seen: Seen, cut: int, seed: int) -> Lesson | None:
    """Which windows teach `member` and which are held out; None where there are too few."""
    rows = np.arange(len(seen.z))
    if member.in_context and not plan.folds and seen.course is not None:
        rows = np.flatnonzero(seen.course.stretches.known == SPAN - 1)
    known, held = rows[rows < cut], rows[rows >= cut]
    if not member.serves(len(known)) or (len(held) == 0 and member.in_context and not plan.folds):
        return None
    learned = known[:: -(-len(known) // _MOST_ROWS)]
    if not plan.folds:
        return Lesson(seen, learned, ((held, learned),), seed)
    if seen.course is None:  # so few that nothing can be held out
        return Lesson(seen, learned, ((rows, learned),), seed)
    places = seen.course.stretches.places(learned)
    oldest = seen.course.stretches.owner[places[:, 0]]
    folds = []
    for start, end in pairwise(np.linspace(0, len(rows), plan.folds + 1).astype(np.int64).tolist()):
        # Left out are the windows of the fold and those that see any of them.
        others = (learned < start) | (oldest >= end)
        folds.append((np.arange(start, end), learned[others]))
    return Lesson(seen, learned, tuple(folds), seed)


def _learn(member: Member, lesson: Lesson, which: Int64) -> Detector:
    detector = member.make()
    detector.fit(lesson.seen.by(member, which), lesson.seed)
    return detector


def _held_out(
    member: Member, fitted: Detector, lesson: Lesson
) -> tuple[Int64, Vector, NDArray[np.float32]]:
    """The windows held out, their scores, and for some of each fold those with a shorter past.

    The last has the shape (windows, `SPAN` - 1): as if 0, 1, … windows before them were known.
    """
    scores, early = [np.empty(0, np.float32)], [np.empty((0, SPAN - 1), np.float32)]
    for held, others in lesson.folds:
        own = others is lesson.learned
        detector = fitted if own else _learn(member, lesson, others)
        scores.append(member_scores(member, detector, lesson.seen, held))
        if member.in_context and lesson.seen.course is not None:
            whole = held[lesson.seen.course.stretches.known[held] == SPAN - 1]
            early.append(_early(member, detector, lesson.seen, whole))
    held_out = np.concatenate([held for held, _ in lesson.folds])
    return held_out, np.concatenate(scores), np.vstack(early)


def _early(member: Member, detector: Detector, seen: Seen, whole: Int64) -> NDArray[np.float32]:
    """Scores of some of the windows `whole` as if fewer before them were known."""
    if len(whole) == 0:
        return np.empty((0, SPAN - 1), np.float32)
    some = whole[np.unique(np.linspace(0, len(whole) - 1, _BEGINNINGS).astype(np.int64))]
    known = [
        detector.score(seen.by(member, some, np.full(len(some), before)))
        for before in range(SPAN - 1)
    ]
    return np.column_stack(known)


def _excess(early: NDArray[np.float32], scores: Vector) -> Float64:
    """How many times as high as others windows with a short past score, at least 1.

    Means over few windows scatter more, and a jump at the first window goes on in them.
    """
    if len(early) == 0 or len(scores) == 0:
        return np.ones(SPAN)
    high = max(float(np.quantile(scores.astype(np.float64), _HIGH)), _TINY)
    ratio = np.maximum(np.quantile(early.astype(np.float64), _HIGH, axis=0) / high, 1.0)
    return np.append(np.maximum.accumulate(ratio[::-1])[::-1], 1.0)


def _calibrate(
    scores: Vector, entity: Int64, prior: Calibrator | None, entities: int
) -> dict[int, Calibrator]:
    pool = Calibrator.fit(scores, prior=prior)
    own = {-1: pool}
    for number in np.unique(entity):
        rows = entity == number
        if rows.sum() >= _LEAST_OF_ONE and entities > 1:
            own[int(number)] = Calibrator.fit(scores[rows], prior=pool)
    return own
