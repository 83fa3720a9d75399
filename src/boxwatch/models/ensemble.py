"""Several detectors over readings in their temporal context, made one score and one p-value.

The members' scores are brought to one unit, their median on held-out rows, and the score is their
geometric mean. It is calibrated as a whole on the held-out rows: so nothing is assumed of how the
members depend on each other, and the p-value is as good as the held-out rows are like those to
come. Every row is held out once: training is cut into `_FOLDS` stretches of time, and each is
scored by members that learned from the others (cross-conformal prediction; Vovk, Annals of
Mathematics and Artificial Intelligence 2015). Stretches, not rows drawn at random: a row's
neighbours in time would give it away.

Alarms come in runs, since rows see their past. A budget counts occasions, so the alarm threshold
comes from the greatest held-out scores of stretches of `SPAN` rows: block maxima, which are nearly
independent (Gumbel, "Statistics of Extremes", 1958). The share of stretches that may hold a false
alarm is the budget times a stretch's length.

The first rows of a table have no whole `SPAN` behind them: means over few rows scatter more, and a
jump at the first row goes on in them. So their scores are divided by how much higher rows of
training score, held out as ever, when no more rows before them are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.calibration import Calibrator
from boxwatch.models.context import SPAN, in_context, per_feature
from boxwatch.models.detector import Detector, Matrix, Vector
from boxwatch.models.mahalanobis import Mahalanobis
from boxwatch.models.nearest import Nearest
from boxwatch.models.ranges import Ranges
from boxwatch.models.robust_z import RobustZ

Float64 = NDArray[np.float64]

LEAST_ROWS: Final = 3
LEAST_CONTEXT_ROWS: Final = 200  # fewer say nothing of how readings move
_FOLDS: Final = 4
_MOST_ROWS: Final = 8_000  # rows that a member learns from: more change it little
_CHUNK: Final = 4_096
_MOST_STRETCHES: Final = 0.2  # with an alarm, however large the budget: more is no exception
_DAY_SECONDS: Final = 86_400.0
_SETTLES: Final = 8  # the part of a day from which its median is known well enough
_BEGINNINGS: Final = 64  # in each fold, from which rows without a past are known
_HIGH: Final = 0.99  # the quantile of scores at which those with and without a past are alike
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Judged:
    """What an ensemble says of rows.

    `shares` (rows, metrics + 1) say what part of the score each metric has, the last column being
    how many readings were unknown; they sum to 1 where there is anything to explain.
    """

    score: Vector
    p_value: Float64
    shares: Matrix


class Ensemble:
    """Mahalanobis distance and nearest neighbour in context; robust z where rows are few.

    Made by `fit`. State between rows is the last `SPAN` - 1 of them, which the caller keeps.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that was learned
        self,
        ranges: Ranges,
        members: list[Detector],
        units: list[float],
        calibrator: Calibrator,
        occasions: Calibrator,
        excess: Float64,
    ) -> None:
        self.ranges = ranges
        self.members = members
        self.calibrator = calibrator
        self.occasions = occasions
        self._units = units
        self._excess = excess  # of scores of the first rows, by how many rows are before them

    @classmethod
    def fit(cls, x: Float64, seed: int) -> Self:
        """Learn from readings (rows, metrics) in the order of time; NaN = unknown.

        Raises:
            ModelError: fewer than `LEAST_ROWS` rows.
        """
        rows = len(x)
        if rows < LEAST_ROWS:
            raise ModelError(
                f"{rows} training rows teach nothing; at least {LEAST_ROWS} are needed.",
                hint="Train on a longer stretch of time.",
            )
        ranges = Ranges.fit(x)
        z = _standardised(ranges, x)
        contextual = rows >= LEAST_CONTEXT_ROWS
        at = np.arange(0, rows, -(-rows // _MOST_ROWS))
        seen = _seen(z, at) if contextual else z[at]
        members = _members(seen, seed, contextual=contextual)
        if contextual:
            scores, first = _held_out(z, seen, at, seed)
        else:
            scores, first = _scores(members, z, None), np.empty((0, 0, len(members)))
        units = [max(float(np.median(column)), _TINY) for column in scores.T]
        together = _together(scores, units)
        occasions = Calibrator.fit(_greatest(together, _stretch(members)))
        excess = _excess(first, units, together)
        return cls(ranges, members, units, Calibrator.fit(together), occasions, excess)

    def alarms(
        self, score: Vector, false_alarms_per_day: float, interval_s: float
    ) -> NDArray[np.bool_]:
        """Which rows are alarms, if normal ones may cause so many occasions a day.

        Args:
            score: From `judge`, in the order of time; each row sees the scores of the day before.
            false_alarms_per_day: The budget; with 0 there is no alarm.
            interval_s: Seconds from one row to the next.
        """
        alpha = false_alarms_per_day * _stretch(self.members) * interval_s / _DAY_SECONDS
        day = max(round(_DAY_SECONDS / interval_s), SPAN)
        p = self.occasions.p_value(_beyond_the_usual(score, day))
        return np.asarray(p <= min(alpha, _MOST_STRETCHES)) & (alpha > 0.0)

    @property
    def contextual(self) -> bool:
        """Whether rows are judged with those before them; not when training was short."""
        return _stretch(self.members) > 1

    def judge(self, x: Float64, before: Float64 | None = None) -> Judged:
        """Scores of readings (rows, metrics) in the order of time; each sees only its past.

        Args:
            x: The rows; NaN = unknown, which counts as usual.
            before: The rows that came right before them, if any; where fewer than `SPAN` - 1 are
                known, rows are held against such rows of training.
        """
        z = _standardised(self.ranges, x)
        past = None if before is None else _standardised(self.ranges, before)
        scores, shares = [np.empty((0, len(self.members)))], [np.empty((0, z.shape[1]), np.float32)]
        for part, earlier in _chunks(z, past):
            scores.append(_scores(self.members, part, earlier))
            shares.append(self._shares(part, earlier))
        together = _together(np.vstack(scores), self._units)
        early = self._excess[0 if before is None else len(before) :][: len(together)]
        together[: len(early)] /= early
        return Judged(together, self.calibrator.p_value(together), np.vstack(shares))

    def _shares(self, z: Matrix, before: Matrix | None) -> Matrix:
        """The mean over members of each metric's share of their scores."""
        total = np.zeros(z.shape)
        for member in self.members:
            parts = _explained(member, z, before).astype(np.float64)
            whole = parts.sum(axis=1, keepdims=True)
            total += parts / np.where(whole > 0.0, whole, 1.0)
        return np.asarray(total / len(self.members), dtype=np.float32)


def _beyond_the_usual(score: Vector, rows: int) -> Float64:
    """What scores are beyond the median of the last `rows` before them; 1 is ordinary."""
    past = pl.Series(score.astype(np.float64)).shift(1)
    median = past.rolling_median(rows, min_samples=max(rows // _SETTLES, 1))
    lasting = np.maximum(median.fill_null(1.0).to_numpy(), 1.0)
    beyond = np.maximum(np.square(score.astype(np.float64)) - np.square(lasting), 0.0)
    return np.asarray(np.sqrt(beyond + 1.0), dtype=np.float64)


def _standardised(ranges: Ranges, x: Float64) -> Matrix:
    """Standardised readings and, as a last column, the share of them that is unknown."""
    unknown = np.isnan(x).mean(axis=1, keepdims=True)
    return np.hstack([ranges.standardise(x), unknown.astype(np.float32)])


def _stretch(members: list[Detector]) -> int:
    """How many rows one occasion lasts at least."""
    return 1 if isinstance(members[0], RobustZ) else SPAN


def _greatest(score: Vector, stretch: int) -> Vector:
    """The greatest score of each whole stretch; of what there is where it is shorter."""
    whole = max(len(score) // stretch, 1)
    return np.array([part.max() for part in np.array_split(score, whole)], np.float32)


def _seen(z: Matrix, at: NDArray[np.integer]) -> Matrix:
    """The rows `at` (rising) in context."""
    parts, start = [], 0
    for part, past in _chunks(z, None):
        here = at[(at >= start) & (at < start + len(part))] - start
        parts.append(in_context(part, past)[here])
        start += len(part)
    return np.vstack(parts)


def _members(seen: Matrix, seed: int, *, contextual: bool) -> list[Detector]:
    members: list[Detector] = [Mahalanobis(), Nearest()] if contextual else [RobustZ()]
    for member in members:
        member.fit(seen, seed)
    return members


def _held_out(
    z: Matrix, seen: Matrix, at: NDArray[np.integer], seed: int
) -> tuple[Float64, Float64]:
    """Each row's scores by members that saw neither its stretch nor rows with a past in it.

    Second, the same for the first rows of tables that begin somewhere in the stretch, shape
    (tables, `SPAN` - 1, members).
    """
    scores, first = [], []
    ends = np.linspace(0, len(z), _FOLDS + 1).astype(np.int64).tolist()
    for start, end in pairwise(ends):
        others = (at < start) | (at >= end + SPAN - 1)
        members = _members(seen[others], seed, contextual=True)
        before = z[:start] if start > 0 else None
        scores += [_scores(members, part, past) for part, past in _chunks(z[start:end], before)]
        first.append(_first_rows(members, z[start:end]))
    return np.vstack(scores), np.vstack(first)


def _first_rows(members: list[Detector], z: Matrix) -> Float64:
    """Scores of the first `SPAN` - 1 rows of tables that begin at rows of `z`."""
    length = SPAN - 1
    starts = np.unique(np.linspace(0, len(z) - length, _BEGINNINGS).astype(np.int64))
    seen = np.vstack([in_context(z[start : start + length]) for start in starts])
    scores = np.column_stack([member.score(seen) for member in members]).astype(np.float64)
    return scores.reshape(len(starts), length, len(members))


def _excess(first: Float64, units: list[float], together: Vector) -> Float64:
    """How many times as high as others the first rows of a table score, at least 1."""
    tables, length, members = first.shape
    if tables == 0:
        return np.ones(length)
    scores = _together(first.reshape(-1, members), units).reshape(tables, length)
    high = max(float(np.quantile(together, _HIGH)), _TINY)
    ratio = np.maximum(np.quantile(scores.astype(np.float64), _HIGH, axis=0) / high, 1.0)
    return np.asarray(np.maximum.accumulate(ratio[::-1])[::-1])


def _scores(members: list[Detector], z: Matrix, before: Matrix | None) -> Float64:
    if isinstance(members[0], RobustZ):
        return np.column_stack([member.score(z) for member in members]).astype(np.float64)
    seen = in_context(z, before)
    return np.column_stack([member.score(seen) for member in members]).astype(np.float64)


def _explained(member: Detector, z: Matrix, before: Matrix | None) -> Matrix:
    if isinstance(member, RobustZ):
        return member.contributions(z)
    return per_feature(member.contributions(in_context(z, before)))


def _together(scores: Float64, units: list[float]) -> Vector:
    logs = np.log(scores / np.array(units) + _TINY)
    return np.asarray(np.exp(logs.mean(axis=1)), dtype=np.float32)


def _chunks(z: Matrix, before: Matrix | None) -> Iterator[tuple[Matrix, Matrix | None]]:
    """`z` some rows at a time, each chunk with the rows right before it."""
    for start in range(0, len(z), _CHUNK):
        past = z[max(start - SPAN + 1, 0) : start]
        if before is not None and start < SPAN - 1:
            past = np.vstack([before[-(SPAN - 1) :], past])
        yield z[start : start + _CHUNK], past if len(past) > 0 else None
