"""From a model's share of votes to a probability: a sigmoid, fitted to rows it did not learn from.

Platt, "Probabilistic outputs for support vector machines", 1999, on the log odds of the votes, by
Newton's method with its targets kept off 0 and 1 (Lin, Lin and Weng, Machine Learning 68, 2007).
A step function (isotonic regression) would follow the votes more closely, but it takes some
thousand independent rows; a person who labels gives a handful of occasions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from boxwatch.models.classifier import Labels
from boxwatch.models.matrix import Float64

_EDGE: Final = 1e-3  # votes are held this far from 0 and 1
_STEPS: Final = 50
_ENOUGH: Final = 1e-9
_RIDGE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """P(fault) = 1 / (1 + exp(-(slope * log odds of the votes + shift)))."""

    slope: float
    shift: float

    @classmethod
    def fit(cls, votes: Float64, fault: Labels) -> Self:
        """Fit to held-out `votes` (0 to 1). Votes that say nothing give the share of faults."""
        odds = _log_odds(votes)
        faults, others = int(fault.sum()), int((~fault).sum())
        target = np.where(fault, (faults + 1.0) / (faults + 2.0), 1.0 / (others + 2.0))
        columns = np.column_stack([odds, np.ones(len(odds))])
        at = np.array([0.0, np.log((faults + 1.0) / (others + 1.0))])
        for _ in range(_STEPS):
            guess = _sigmoid(columns @ at)
            bend = columns.T @ (columns * (guess * (1.0 - guess))[:, None])
            bend += _RIDGE * np.eye(2)
            step = np.linalg.solve(bend, columns.T @ (target - guess))
            step /= max(1.0, float(np.abs(step).max()))  # far from the goal its length is a guess
            at = at + step
            if np.abs(step).max() < _ENOUGH:
                break
        if at[0] <= 0.0:  # more votes would mean less of a fault: they say nothing
            return cls(0.0, float(np.log((faults + 1.0) / (others + 1.0))))
        return cls(float(at[0]), float(at[1]))

    def probability(self, votes: Float64) -> Float64:
        """The probability that goes with `votes`."""
        return _sigmoid(self.slope * _log_odds(votes) + self.shift)


def _log_odds(votes: Float64) -> Float64:
    held = np.clip(votes, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(held / (1.0 - held)), dtype=np.float64)


def _sigmoid(x: Float64) -> Float64:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)
