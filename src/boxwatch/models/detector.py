"""The Detector protocol: what every model of Boxwatch is.

Shapes and orientation, stated once: `x` is float32 of shape (windows, features), standardised per
entity (0 = this entity's usual, 1 = one usual spread), NaN = unknown. A score is float32 of shape
(windows,), finite, and higher means stranger. The conformance suite (`models.conformance`) proves
it for every detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Saved:
    """A model at rest: plain arrays and a JSON-able mapping. All of the state is here."""

    arrays: Mapping[str, NDArray[np.generic]]
    meta: Mapping[str, object]


class Detector(Protocol):
    """A model of what is normal in one view."""

    name: ClassVar[str]
    least_windows: ClassVar[int]  # fewer rows than this and `fit` raises ModelError

    def fit(self, x: Matrix, seed: int) -> None:
        """Learn from mostly normal windows; deterministic in `x` (any row order) and `seed`."""
        ...

    def score(self, x: Matrix) -> Vector:
        """One score a row; a row scores the same alone as among others; no rows, no scores."""
        ...

    def contributions(self, x: Matrix) -> Matrix:
        """What each feature adds to the score: same shape as `x`, not negative, rows sum to it."""
        ...

    def save(self) -> Saved:
        """Everything `load` needs."""
        ...

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described; scores are bit-identical."""
        ...
