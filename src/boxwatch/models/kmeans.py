"""Windowed k-means: how far a window is from the nearest of the usual situations.

Rows are window features already, so a centre is a usual situation (idle, one inference session, a
training step). Seeding is greedy k-means++ (Arthur and Vassilvitskii, SODA 2007), then Lloyd's
iterations. The score is the distance to a centre over that centre's spread, least over centres.

A cluster with hardly any members, and the strangest training windows, are left out: a fault in the
training data must not become a usual situation. Grows without end up to the clip at the door.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.lloyd import cluster
from boxwatch.models.matrix import (
    Float64,
    body_scale,
    clean,
    squared_distances,
    training_rows,
)
from boxwatch.models.saved import expect, floats, not_fitted, number, whole

_VERSION: Final = 1
_MOST_ROWS: Final = 20_000  # more teach the centres nothing and cost fitting time
_ROWS_A_CENTRE: Final = 10
_STARTS: Final = 2
_FEWEST_SHARE: Final = 0.02  # a cluster below this share of the windows is not a usual situation
_FEWEST: Final = 3
_SPREAD_WEIGHT: Final = 20.0  # windows that the pooled spread counts for in each cluster's own
_LEAST_SPREAD: Final = 0.05  # of a usual spread per feature, for clusters of equal windows


class KMeans:
    """Distance to the nearest centre in units of that cluster's spread.

    Args:
        clusters: How many usual situations at most; fewer while windows are few.
        trim: The share of strangest training windows left out of the second, final fit.
    """

    name: ClassVar[str] = "kmeans"
    least_windows: ClassVar[int] = 60

    def __init__(self, clusters: int = 16, trim: float = 0.02) -> None:
        self.clusters = clusters
        self.trim = trim
        self._scale: Float64 | None = None
        self._centres = np.empty((0, 0))
        self._spread = np.empty(0)

    def fit(self, x: Matrix, seed: int) -> None:
        """Cluster, leave out tiny clusters and the strangest windows, cluster again."""
        rows = training_rows(x, self.least_windows, self.name)
        self._scale = body_scale(rows)
        rows /= self._scale
        rng = np.random.default_rng(seed)
        if len(rows) > _MOST_ROWS:
            rows = rows[np.sort(rng.choice(len(rows), _MOST_ROWS, replace=False))]
        count = min(self.clusters, max(1, len(rows) // _ROWS_A_CENTRE))
        centres, member = cluster(rows, count, rng, starts=1)
        centres, spread = _usual(rows, centres, member)
        out = int(len(rows) * self.trim)
        if out > 0:
            strange = (squared_distances(rows, centres) / np.square(spread)).min(axis=1)
            rows = rows[np.sort(np.argsort(strange, kind="stable")[:-out])]
            centres, member = cluster(rows, count, rng, starts=_STARTS)
            centres, spread = _usual(rows, centres, member)
        self._centres, self._spread = centres, spread

    def score(self, x: Matrix) -> Vector:
        """The least distance to a centre, in spreads of its cluster."""
        return np.sqrt(self._nearest(self._scaled(x))[1]).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each feature's part of the squared distance to that centre, over the score."""
        rows = self._scaled(x)
        nearest, squared = self._nearest(rows)
        parts = np.square((rows - self._centres[nearest]) / self._spread[nearest, None])
        score = np.sqrt(squared)
        return np.asarray(parts / np.where(score > 0.0, score, 1.0)[:, None], dtype=np.float32)

    def save(self) -> Saved:
        """Scales, centres and spreads."""
        return Saved(
            {"scale": self._fitted(), "centres": self._centres, "spread": self._spread},
            {
                "model": self.name,
                "version": _VERSION,
                "clusters": self.clusters,
                "trim": self.trim,
            },
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls(whole(saved, "clusters"), number(saved, "trim"))
        detector._scale = floats(saved, "scale", (None,))
        detector._centres = floats(saved, "centres", (None, len(detector._scale)))
        detector._spread = floats(saved, "spread", (len(detector._centres),))
        return detector

    def _fitted(self) -> Float64:
        if self._scale is None:
            raise not_fitted(self.name)
        return self._scale

    def _scaled(self, x: Matrix) -> Float64:
        scale = self._fitted()
        return clean(x, len(scale)) / scale

    def _nearest(self, rows: Float64) -> tuple[NDArray[np.intp], Float64]:
        squared = squared_distances(rows, self._centres) / np.square(self._spread)
        nearest = squared.argmin(axis=1)
        return nearest, squared[np.arange(len(rows)), nearest]


def _usual(rows: Float64, centres: Float64, member: NDArray[np.intp]) -> tuple[Float64, Float64]:
    """The centres with enough members, and each one's spread drawn towards the pooled one."""
    size = np.bincount(member, minlength=len(centres)).astype(np.float64)
    apart = np.square(rows - centres[member]).sum(axis=1)
    inertia = np.bincount(member, weights=apart, minlength=len(centres))
    keep = size >= min(max(_FEWEST, _FEWEST_SHARE * len(rows)), size.max())
    pooled = inertia[keep].sum() / size[keep].sum()
    squared = (_SPREAD_WEIGHT * pooled + inertia[keep]) / (_SPREAD_WEIGHT + size[keep])
    least = _LEAST_SPREAD * np.sqrt(rows.shape[1])
    return centres[keep], np.maximum(np.sqrt(squared), least)
