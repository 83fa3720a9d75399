"""The generalised Pareto tail: how scores beyond a threshold thin out, and how sure one can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHAPE: Final = 0.15  # the shape expected before any data: a little heavier than exponential
SHAPE_CLUSTERS: Final = 20.0  # clusters the expected shape counts for
SCALE_CLUSTERS: Final = 4.0  # clusters the expected scale counts for
# Unsure tails are taken as heavier: the shape rises by _UNSURE / (_UNSURE_CLUSTERS + clusters).
# Set by simulation: 9 laws from normal to Student t with 3 degrees, independent and with
# autocorrelation 0.8, 2000 windows, p = 1e-4: true rates 0.12 to 2.9 times that on average.
_UNSURE: Final = 2.5
_UNSURE_CLUSTERS: Final = 10.0
_MOST: Final = 0.5  # the heaviest shape: beyond it a tail has no variance and no alarm would come


@dataclass(frozen=True, slots=True)
class Tail:
    """P(excess > z) = (1 + shape * z / scale)^(-1 / shape), learned from so many clusters."""

    scale: float
    shape: float
    clusters: float

    def log_survival(self, excess: Float64) -> Float64:
        """Log of the chance that a score beyond the threshold is beyond by at least `excess`."""
        z = np.maximum(excess, 0.0) / self.scale
        if self.shape < 1e-9:
            return -z
        return np.asarray(-np.log1p(self.shape * z) / self.shape, dtype=np.float64)

    def unsure(self) -> Tail:
        """The tail to predict with: heavier, the fewer clusters it was learned from."""
        shape = min(self.shape + _UNSURE / (_UNSURE_CLUSTERS + self.clusters), _MOST)
        return Tail(self.scale, shape, self.clusters)


def fit_tail(excesses: Float64, clusters: int, prior: Tail) -> Tail:
    """Fit a tail to `excesses` (positive, rising), drawn towards `prior`.

    Probability-weighted moments with the plotting positions (i - 0.35) / m (Hosking and Wallis
    1987) give the shape; the scale is the one that keeps the mean excess.
    """
    if len(excesses) == 0:
        return prior
    weight = clusters / (clusters + SHAPE_CLUSTERS)
    shape = min(max(weight * _moments_shape(excesses) + (1 - weight) * prior.shape, 0.0), _MOST)
    scale = float(excesses.mean()) * (1.0 - shape)
    scale = (clusters * scale + prior.clusters * prior.scale) / (clusters + prior.clusters)
    return Tail(scale, shape, float(clusters))


def cluster_count(above: NDArray[np.bool_], run: int) -> int:
    """Runs of exceedances in time: one goes on while gaps are at most `run` windows."""
    at = np.flatnonzero(above)
    return 0 if len(at) == 0 else 1 + int((np.diff(at) > run).sum())


def kolmogorov(excesses: Float64, tail: Tail) -> float:
    """The greatest distance between the share of `excesses` (rising) within z and the tail's."""
    if len(excesses) == 0:
        return 0.0
    fitted = -np.expm1(tail.log_survival(excesses))
    after = np.arange(1, len(excesses) + 1) / len(excesses)
    before = after - 1.0 / len(excesses)
    return float(np.maximum(np.abs(after - fitted), np.abs(fitted - before)).max())


def _moments_shape(excesses: Float64) -> float:
    position = (np.arange(1, len(excesses) + 1) - 0.35) / len(excesses)
    mean = float(excesses.mean())
    weighted = float((excesses * (1.0 - position)).mean())
    below = mean - 2.0 * weighted
    if below <= 0.0:  # a single excess, or all alike: they say nothing of the shape
        return 0.0
    return min(max(2.0 - mean / below, -0.5), 1.0)
