"""Where the threshold of each entity comes from: budget, calibration, tail, p-value, score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.detections.episodes import Level
from boxwatch.detections.reference import believed
from boxwatch.detections.view_model import ViewModel
from boxwatch.models import Calibrator, FitReport

_FARTHEST: Final = 1e6  # a score that no window reaches
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the p-values of one detector for one entity rest on.

    `windows` were held out, of the entity alone where `own`; `lent_windows` more come from all
    entities. Beyond the score `joint`, which a share `joint_p` of windows exceed, a generalised
    Pareto tail of `scale` and `shape` continues, from `exceedances` in `clusters`. It `fits` where
    its greatest distance from them, `ks`, is at most `ks_limit`.
    """

    own: bool
    windows: int
    lent_windows: int
    joint: float
    joint_p: float
    scale: float
    shape: float
    exceedances: int
    clusters: int
    ks: float
    ks_limit: float
    fits: bool


@dataclass(frozen=True, slots=True)
class MemberThreshold:
    """One detector: from which score on it opens a finding by itself.

    `score` is None where it cannot: its history is too short to show a chance as small as
    `p_value`, and it may only prolong and explain (decision 3).
    """

    detector: str
    p_value: float
    score: float | None
    believes: str
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Threshold:
    """One entity's threshold.

    `false_alarms_per_week` is its part of its host's budget, `windows_per_week` how many chances
    there are. `p_value` is what windows must be at or below, `in_a_row` of them one after another.
    `detectors` share it: each must be that much surer. `model` is None while the baseline is
    learned.
    """

    host: str
    view: str
    entity: str
    entities_on_host: int
    false_alarms_per_week: float
    windows_per_week: float
    in_a_row: int
    p_value: float
    model: str | None
    detectors: tuple[MemberThreshold, ...]


def member_thresholds(model: ViewModel, host: str, level: Level) -> tuple[MemberThreshold, ...]:
    """The threshold of each detector of `model` for one entity at `level`."""
    number = int(model.numbers([f"{host}\0{level.entity}"])[0])
    p_value = level.p_value / max(len(model.detectors), 1)
    found = []
    for name in model.detectors:
        group = model.calibrators[name]
        calibrator = group.get(number, group[-1])
        own = number in group or (number >= 0 and len(model.entities) == 1)
        claims = model.plan.member(name).claims
        found.append(
            MemberThreshold(
                detector=name,
                p_value=p_value,
                score=_least_score(model, name, calibrator, p_value),
                believes=claims.value,
                calibration=_calibration(calibrator.fit_report(), own=own),
            )
        )
    return tuple(found)


def _least_score(
    model: ViewModel, name: str, calibrator: Calibrator, p_value: float
) -> float | None:
    """The least score whose p-value is at most `p_value`; None where there is none."""
    claims = model.plan.member(name).claims

    def p(score: float) -> float:
        return float(believed(claims, calibrator, np.array([score], np.float32))[0])

    if p_value <= 0.0 or p(_FARTHEST) > p_value:
        return None
    low, high = 0.0, _FARTHEST
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if p(middle) <= p_value else (middle, high)
    return high


def _calibration(report: FitReport, *, own: bool) -> Calibration:
    return Calibration(
        own=own,
        windows=report.windows,
        lent_windows=report.lent_windows,
        joint=report.joint,
        joint_p=report.joint_p,
        scale=report.scale,
        shape=report.shape,
        exceedances=report.exceedances,
        clusters=report.clusters,
        ks=report.ks,
        ks_limit=report.ks_limit,
        fits=report.fits,
    )
