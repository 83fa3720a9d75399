"""The Classifier protocol: a model that has been shown faults, beside the `Detector` that was not.

Shapes and orientation are those of `models.detector`: `x` is float32 (windows, features),
standardised, NaN = unknown. The score is the probability of a fault: float32 (windows,), from 0 to
1, calibrated on windows that the model did not learn from, at the share of faults of the training.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix, Saved, Vector

Labels = NDArray[np.bool_]
Occasions = NDArray[np.int64]


class Classifier(Protocol):
    """A model of faults and of what is none, in one view."""

    name: ClassVar[str]
    least_windows: ClassVar[int]  # fewer rows than this and `fit` raises ModelError

    def fit(self, x: Matrix, fault: Labels, occasion: Occasions, seed: int) -> None:
        """Learn from windows of which is known whether they are faults.

        Args:
            x: The windows; those that nobody has judged are left out.
            fault: Whether each window is one.
            occasion: The number of the fault, or of the hour or day without one, that each window
                belongs to. Windows of one occasion are alike, so that one of them would give away
                another: they are learned from together, or judged together.
            seed: The same windows, in any order, and the same seed give the same model.

        Raises:
            ModelError: too few windows, or fewer than two occasions with or without faults.
        """
        ...

    def score(self, x: Matrix) -> Vector:
        """The probability of a fault; a row has the same alone as among others."""
        ...

    def contributions(self, x: Matrix) -> Matrix:
        """What each feature adds to the probability: not negative, rows sum to it."""
        ...

    def save(self) -> Saved:
        """Everything `load` needs."""
        ...

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The classifier that `save` described; probabilities are bit-identical."""
        ...
