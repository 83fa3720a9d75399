"""From raw scores to p-values: how often does a normal window score at least this much?

Body: ranks with the window itself counted, (1 + #{scores >= s}) / (n + 1), joined by straight
lines; valid for any n when windows are exchangeable. Tail: peaks over threshold, a generalised
Pareto distribution beyond about the 98 % quantile (Pickands, Annals of Statistics 1975). Its shape
comes from probability-weighted moments (Hosking and Wallis, Technometrics 1987: better than maximum
likelihood below 500 excesses).

Few data. Shape and scale are drawn towards a prior that counts for a stated number of clusters:
`tail.SHAPE`, and as scale `SCALE` times the median score, soon `UPPER` times the mean distance of
the upper half from it; or a pooled calibrator of other entities. The shape is raised while few
clusters are known, as the predictive law of an unsure exponential is a Pareto law. With 6 windows
the tail falls about as the third power of the score; from 500 on the data decide. Below
`LEAST / (n + 1)`, n counting windows lent by the pool, only a twentieth of the further decades is
believed: enough to tell the strange from the stranger. Without data and prior every p-value is 1:
nothing is known, so nothing is strange.

Six windows that follow each other are hardly more than one: with a heavy tail and autocorrelation
0.8 a p-value of 1e-4 from six comes 150 times too often, from 100 seven times, from 2000 as said.
Give the first windows a pool, or hold a first alarm until a second window agrees.

Windows follow each other. A p-value is a statement about one window (the marginal), which runs of
strange windows leave unbiased, so all excesses enter the moments. But a run is one piece of
evidence: exceedances at most `RUN` windows apart are one cluster (runs declustering, Smith and
Weissman, JRSS B 1994), and clusters, not windows, are weighed against the prior. The extremal index
in the report is clusters per exceedance: n windows at level alpha give n * alpha exceedances, but
only that share of it separate alarms.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.detector import Saved
from boxwatch.models.saved import expect, floats, number, whole
from boxwatch.models.tail import (
    SCALE_CLUSTERS,
    SHAPE,
    Tail,
    cluster_count,
    fit_tail,
    kolmogorov,
)

Float64 = NDArray[np.float64]

TAIL_SHARE: Final = 0.02  # of the windows lie beyond the joint when there are many
TAIL_WINDOWS: Final = 20  # and at least this many, while they are at most half
PRIOR_WINDOWS: Final = 20.0  # windows that a pooled calibrator counts for in an entity's body
LENT_CLUSTERS: Final = 10  # and in its tail
LEAST: Final = 1e-6
SCALE: Final = 0.15
UPPER: Final = 0.5
GUESS_WINDOWS: Final = 30.0  # windows from which the upper half's spread outweighs the median
RUN: Final = 2
_BEYOND: Final = 0.05  # of the decades below that are believed: enough to keep the order
_MOST_SCORE: Final = float(np.finfo(np.float32).max)
_KNOTS: Final = 128
_BRIDGE: Final = 0.01  # of the tail's scale: from ties at the threshold to the tail without a jump
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class FitReport:
    """What the calibration rests on: its own windows and those a pool lends.

    `joint` is the score where body and tail meet and `joint_p` its p-value; `scale` and `shape` are
    the tail's as fitted, before it is widened for want of data; `backing` counts the clusters it
    rests on, those that a pool lends included. `ks` is the greatest distance
    between the excesses and that tail, `ks_limit` what a right one stays below in 95 of 100 fits to
    so many independent clusters (1.36 / sqrt(clusters)).
    """

    windows: int
    lent_windows: int
    joint: float
    joint_p: float
    scale: float
    shape: float
    exceedances: int
    clusters: int
    backing: int
    ks: float

    @property
    def extremal_index(self) -> float:
        """Clusters per exceedance: 1 when strange windows come alone."""
        return self.clusters / self.exceedances if self.exceedances > 0 else 1.0

    @property
    def ks_limit(self) -> float:
        """The distance above which the tail is in doubt."""
        return float(1.36 / np.sqrt(max(self.clusters, 1)))

    @property
    def fits(self) -> bool:
        """Whether the tail agrees with the excesses; true where there are none to disagree."""
        return self.ks <= self.ks_limit


class Calibrator:
    """Tail probabilities of one detector's scores for one entity, or pooled over many.

    Made by `fit` or `load`.
    """

    name: ClassVar[str] = "calibrator"

    def __init__(self, knots: Float64, report: FitReport) -> None:
        self._knots = knots  # (2, k): scores rising, their p-values falling; the last is the joint
        self._report = report
        self._tail = Tail(report.scale, report.shape, report.backing).unsure()

    @classmethod
    def fit(cls, scores: NDArray[np.floating], prior: Calibrator | None = None) -> Self:
        """Learn from held-out scores of normal windows.

        Args:
            scores: Shape (windows,), in the order of time; entities one after the other when
                pooled. From none on; NaN (not scored) is left out.
            prior: A calibrator pooled over entities, for one that has few windows of its own.

        Raises:
            ModelError: `scores` is not one row of finite numbers.
        """
        if scores.ndim != 1:
            raise ModelError(f"A calibrator takes scores (windows,), not {scores.shape!r}.")
        known = scores[~np.isnan(scores)].astype(np.float64)
        if not bool(np.isfinite(known).all()):
            raise ModelError("A calibrator takes finite scores.", hint="Check the detector.")
        if prior is not None and prior._unknown():
            prior = None
        if len(known) > 0:
            return cls._learn(known, prior)
        if prior is not None:
            lent = replace(prior._report, windows=0, lent_windows=int(_pseudo(prior)))
            return cls(prior._knots, lent)
        return cls(np.empty((2, 0)), FitReport(0, 0, 0.0, 1.0, 1.0, SHAPE, 0, 0, 0, 0.0))

    def p_value(self, scores: NDArray[np.floating]) -> Float64:
        """The chance of a normal window scoring at least this much.

        Args:
            scores: Shape (windows,); NaN gives NaN.

        Returns:
            float64 in (0, 1], never rising with the score.
        """
        values = scores.astype(np.float64)
        if self._unknown():
            return np.where(np.isnan(values), np.nan, 1.0)
        body = np.interp(values, self._knots[0], self._knots[1], left=1.0)
        excess = np.nan_to_num(values - self._report.joint, posinf=_MOST_SCORE)
        log_p = np.log(body) + self._tail.log_survival(excess)
        least = np.log(LEAST / (self._report.windows + self._report.lent_windows + 1))
        held = np.where(log_p < least, least + _BEYOND * (log_p - least), log_p)
        return np.asarray(np.exp(held), dtype=np.float64)

    def fit_report(self) -> FitReport:
        """What the calibration rests on and whether its tail agrees with the data."""
        return self._report

    def save(self) -> Saved:
        """The body's knots and the report."""
        meta = {"model": self.name, "version": _VERSION, **asdict(self._report)}
        return Saved({"knots": self._knots}, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The calibrator that `save` described; p-values are bit-identical."""
        expect(saved, cls.name, _VERSION)
        report = FitReport(
            windows=whole(saved, "windows"),
            lent_windows=whole(saved, "lent_windows"),
            joint=number(saved, "joint"),
            joint_p=number(saved, "joint_p"),
            scale=number(saved, "scale"),
            shape=number(saved, "shape"),
            exceedances=whole(saved, "exceedances"),
            clusters=whole(saved, "clusters"),
            backing=whole(saved, "backing"),
            ks=number(saved, "ks"),
        )
        return cls(floats(saved, "knots", (2, None)), report)

    def _unknown(self) -> bool:
        return self._knots.size == 0

    @classmethod
    def _learn(cls, known: Float64, prior: Calibrator | None) -> Self:
        ordered = np.sort(known)
        base = _threshold(ordered, prior)
        above = known > base
        excesses = np.sort(known[above] - base)
        clusters = cluster_count(above, RUN)
        tail = fit_tail(excesses, clusters, _expected(ordered, prior))
        joint = max(base + _BRIDGE * tail.scale, float(np.nextafter(base, np.inf)))
        knots = _body(ordered, base, joint, prior)
        lent = 0 if prior is None else min(LENT_CLUSTERS, prior._report.backing)
        report = FitReport(
            windows=len(known),
            lent_windows=0 if prior is None else int(_pseudo(prior)),
            joint=joint,
            joint_p=float(knots[1, -1]),
            scale=tail.scale,
            shape=tail.shape,
            exceedances=len(excesses),
            clusters=clusters,
            backing=clusters + lent,
            ks=kolmogorov(excesses, tail),
        )
        return cls(knots, report)


def _threshold(ordered: Float64, prior: Calibrator | None) -> float:
    """Where the tail begins: its own quantile, nearer the pool's joint the fewer windows."""
    beyond = max(TAIL_SHARE * len(ordered), min(TAIL_WINDOWS, 0.5 * len(ordered)))
    own = float(ordered[max(len(ordered) - 1 - round(beyond), 0)])
    if prior is None:
        return own
    weight = PRIOR_WINDOWS / (PRIOR_WINDOWS + len(ordered))
    return own + weight * max(prior.fit_report().joint - own, 0.0)


def _pseudo(prior: Calibrator) -> float:
    """How many windows a pool counts for."""
    pooled = prior.fit_report()
    return min(PRIOR_WINDOWS, float(pooled.windows + pooled.lent_windows))


def _expected(ordered: Float64, prior: Calibrator | None) -> Tail:
    """The tail to expect before the excesses are seen."""
    if prior is not None:
        pooled = prior.fit_report()
        return Tail(pooled.scale, pooled.shape, SCALE_CLUSTERS)
    median = float(np.median(ordered))
    # Scores that are all zero are in no known unit; standardised windows have the unit 1.
    guess = next((s for s in (abs(median), float(np.abs(ordered).mean())) if s > 0.0), 1.0 / SCALE)
    upper = float((ordered[len(ordered) // 2 :] - median).mean())
    weight = GUESS_WINDOWS / (GUESS_WINDOWS + len(ordered))
    return Tail(weight * SCALE * guess + (1 - weight) * UPPER * upper, SHAPE, SCALE_CLUSTERS)


def _body(ordered: Float64, base: float, joint: float, prior: Calibrator | None) -> Float64:
    """Knots (2, k) of the body from the least score to the joint."""
    values = np.unique(ordered[ordered <= base])
    if prior is not None:
        values = np.union1d(values, prior._knots[0][prior._knots[0] <= base])
    if len(values) > _KNOTS:
        values = values[np.linspace(0, len(values) - 1, _KNOTS).round().astype(np.intp)]
    values = np.append(values, joint)
    least = len(ordered) - np.searchsorted(ordered, values, side="left").astype(np.float64)
    counted, pseudo = 1.0 + least, 0.0
    if prior is not None:
        pseudo = _pseudo(prior)
        counted += pseudo * prior.p_value(values)
    p = counted / (len(ordered) + 1.0 + pseudo)
    return np.array([values, np.minimum(np.minimum.accumulate(p), 1.0)])
