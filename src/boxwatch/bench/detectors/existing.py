"""Our own detectors one by one, as a view uses them, and the trivial baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections import READINGS
from boxwatch.models import Baseline, Calibrator, combine

Float64 = NDArray[np.float64]

_HELD_OUT: Final = 0.3
_MOST_ROWS: Final = 8_000
_TINY: Final = 1e-300


def row_scores(train: Float64, test: Float64, seed: int) -> Mapping[str, Float64]:
    """Scores of rows alone, by model: each detector, their combination, and what needs no model."""
    x, y, _ = _standardised(train, test)
    cut = len(x) - int(len(x) * _HELD_OUT)
    found: dict[str, Float64] = {
        "random": np.random.default_rng(seed).random(len(y)),
        "max |z|": np.abs(y).max(axis=1).astype(np.float64),
    }
    p_values = []
    for member in READINGS.members:
        name, detector = member.name, member.kind()
        detector.fit(x[:cut][:: -(-cut // _MOST_ROWS)], seed)
        found[name] = detector.score(y).astype(np.float64)
        calibrator = Calibrator.fit(detector.score(x[cut:]))
        p_values.append(calibrator.p_value(found[name]))
    combined = combine(np.column_stack(p_values))
    found["combined by p-value"] = -np.log10(np.maximum(combined, _TINY))
    return found


def seen_before(train: Float64, test: Float64) -> float:
    """The share of test rows that occur in training, value for value."""
    known = {row.tobytes() for row in np.ascontiguousarray(train)}
    return float(np.mean([row.tobytes() in known for row in np.ascontiguousarray(test)]))


def _standardised(
    train: Float64, test: Float64
) -> tuple[NDArray[np.float32], NDArray[np.float32], Baseline]:
    whole = train.max(axis=0) - train.min(axis=0)
    usual = np.where(whole > 0.0, whole, 1.0)
    one, other = np.zeros(len(train), np.int64), np.zeros(len(test), np.int64)
    baseline = Baseline.fit(train, one, prior=0.1 * usual, floor=0.01 * usual, entities=1)
    return baseline.standardise(train, one), baseline.standardise(test, other), baseline
