"""Course: whether readings run as they did in training; for rows in context (`models.context`).

Two opinions made one: the Mahalanobis distance, which knows how columns vary together, and the
distance to the nearest remembered row, which knows any number of usual situations, however bent.
The score is their geometric mean, so neither's unit plays a part and what both find strange is
strangest. Contributions are the mean of both members' shares, times the score.

Grows without end up to the clip at the door (`matrix.LIMIT`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Self, cast

import numpy as np

from boxwatch.errors import ModelError
from boxwatch.models.detector import Detector, Matrix, Saved, Vector
from boxwatch.models.mahalanobis import Mahalanobis
from boxwatch.models.matrix import Float64
from boxwatch.models.nearest import Nearest
from boxwatch.models.saved import expect, not_fitted

_VERSION: Final = 1
_MEMBERS: Final[tuple[type[Detector], ...]] = (Mahalanobis, Nearest)
_TINY: Final = 1e-9


class Course:
    """The geometric mean of Mahalanobis distance and distance to the nearest.

    Args:
        ridge: Of the Mahalanobis distance.
        memory: How many rows are remembered to be near to.
    """

    name: ClassVar[str] = "course"
    least_windows: ClassVar[int] = max(member.least_windows for member in _MEMBERS)

    def __init__(self, ridge: float = 0.01, memory: int = 2000) -> None:
        self.ridge = ridge
        self.memory = memory
        self._members: list[Detector] = []

    def fit(self, x: Matrix, seed: int) -> None:
        """Fit both."""
        members: list[Detector] = [Mahalanobis(self.ridge), Nearest(self.memory)]
        for member in members:
            member.fit(x, seed)
        self._members = members

    def score(self, x: Matrix) -> Vector:
        """The geometric mean."""
        scores = [member.score(x).astype(np.float64) for member in self._fitted()]
        logs = np.log(np.column_stack(scores) + _TINY)
        return np.asarray(np.exp(logs.mean(axis=1)), dtype=np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """The mean of the members' shares, times the score."""
        parts = [member.contributions(x).astype(np.float64) for member in self._fitted()]
        wholes = [part.sum(axis=1, keepdims=True) for part in parts]
        shares: Float64 = np.zeros(x.shape)
        for part, whole in zip(parts, wholes, strict=True):
            shares += part / np.where(whole > 0.0, whole, 1.0)
        there = shares.sum(axis=1, keepdims=True)
        logs = np.log(np.hstack(wholes) + _TINY).mean(axis=1, keepdims=True)
        score = np.exp(logs)
        whole_score = np.where(there > 0.0, score / np.where(there > 0.0, there, 1.0), 0.0)
        return np.asarray(shares * whole_score, dtype=np.float32)

    def save(self) -> Saved:
        """Both members, prefixed by their names."""
        meta: dict[str, object] = {"model": self.name, "version": _VERSION}
        arrays = {}
        for member in self._fitted():
            saved = member.save()
            meta[member.name] = dict(saved.meta)
            arrays.update({f"{member.name}.{key}": one for key, one in saved.arrays.items()})
        return Saved(arrays, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described."""
        expect(saved, cls.name, _VERSION)
        detector = cls()
        for kind in _MEMBERS:
            meta, prefix = saved.meta.get(kind.name), f"{kind.name}."
            if not isinstance(meta, Mapping):
                raise ModelError(f"The saved course has no {kind.name!r}.", hint="Train again.")
            arrays = {
                key.removeprefix(prefix): one
                for key, one in saved.arrays.items()
                if key.startswith(prefix)
            }
            part = Saved(arrays, cast("Mapping[str, object]", meta))
            detector._members.append(kind.load(part))
        return detector

    def _fitted(self) -> list[Detector]:
        if not self._members:
            raise not_fitted(self.name)
        return self._members
