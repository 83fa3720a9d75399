"""What is believed of a p-value while history is short (decision 3)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections.plans import Claims
from boxwatch.models import Calibrator

_BEYOND_HISTORY: Final = 0.1
_REFERENCE_WINDOWS: Final = 40_000  # held-out windows that the reference counts for: a good week


def _reference() -> Calibrator:
    """How robust z scores fall off on an ordinary machine: what is assumed before there are data.

    One plus an exponential of scale 0.45: a window of score 7.5 comes about once in half a
    million, one a month at 5 s. It weighs as little as the calibration lets a prior weigh.
    """
    at = (np.arange(5000) + 0.5) / 5000
    scores = (1.0 - 0.45 * np.log(1.0 - at)).astype(np.float32)
    return Calibrator.fit(np.random.default_rng(0).permutation(scores))


REFERENCE: Final = _reference()


def believed(
    claims: Claims, calibrator: Calibrator, scores: NDArray[np.float32]
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
    if claims is Claims.FIT:
        return p
    if claims is Claims.HISTORY:
        return np.maximum(p, _BEYOND_HISTORY / (windows + 1))
    weight = windows / (windows + _REFERENCE_WINDOWS)
    return np.asarray(p**weight * REFERENCE.p_value(scores) ** (1.0 - weight))
