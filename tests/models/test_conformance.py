"""Every detector of the table keeps every promise; and the checks notice one that does not."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import pytest

from boxwatch.errors import ConformanceError
from boxwatch.models import DETECTORS, Matrix, RobustZ, Saved, Vector, checks


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("detector", DETECTORS.values(), ids=list(DETECTORS))
def test_detector_keeps_promise(detector, check):
    """Each detector passes each check of the suite."""
    check(detector)


class Contrary:
    """A detector that breaks every promise it can, for a check to find."""

    name: ClassVar[str] = "contrary"
    least_windows: ClassVar[int] = 10
    fits: ClassVar[int] = 0

    def __init__(self) -> None:
        self.x = np.zeros((1, 6), np.float32)

    def fit(self, x: Matrix, seed: int) -> None:
        """Keep the caller's array and remember which fit this was."""
        Contrary.fits += 1
        self.x = x
        self.bias = Contrary.fits

    def score(self, x: Matrix) -> Vector:
        """Lower is stranger, mixed with the batch, the training array and its first row."""
        mixed = -np.abs(x).sum(axis=1) + len(x) * 1e-3 + self.x[0, 0] + getattr(self, "bias", 0)
        return mixed.astype(np.float64)[:, None] if len(x) == 0 else mixed.astype(np.float64)

    def contributions(self, x: Matrix) -> Matrix:
        """Negative ones."""
        return -np.ones_like(x)

    def save(self) -> Saved:
        """Something that only pickle carries."""
        return Saved({"x": np.array([{1, 2}], dtype=object)}, {"pair": (1, 2)})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """Whatever was saved, an unfitted detector."""
        return cls()


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
def test_check_notices_a_broken_promise(check):
    """No check passes a detector that breaks the promise it stands for."""
    with pytest.raises(ConformanceError):
        check(Contrary)


def test_error_names_detector_and_promise():
    """A finding says which detector breaks what."""
    with pytest.raises(ConformanceError, match="contrary: scores are float64, not float32"):
        checks()[0](Contrary)


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=list(DETECTORS))
def test_row_alone_is_bit_identical(detector):
    """The shipped detectors promise more: a row's score is the same to the bit in any batch."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 23)).astype(np.float32)
    model = detector()
    model.fit(x[:1000], 1)
    among = model.score(x)
    alone = [model.score(x[i : i + 1])[0] for i in range(0, 3000, 61)]
    assert np.array_equal(among[::61], alone)


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=list(DETECTORS))
def test_fit_is_bit_identical_in_any_row_order(detector):
    """The shipped detectors learn the same, to the bit, from rows in any order."""
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal((800, 5)), 1).astype(np.float32)
    first, second = detector(), detector()
    first.fit(x, 1)
    second.fit(x[rng.permutation(len(x))], 1)
    assert np.array_equal(first.score(x), second.score(x))


def test_detectors_are_named_as_in_the_table():
    """A detector's key is its name, and robust z needs the fewest windows."""
    assert all(name == detector.name for name, detector in DETECTORS.items())
    assert min(DETECTORS.values(), key=lambda kind: kind.least_windows) is RobustZ
