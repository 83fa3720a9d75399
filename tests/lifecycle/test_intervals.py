"""Intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.lifecycle.intervals import mean_of_differences, poisson_low, wilson


def test_wilson_as_published() -> None:
    """Newcombe, Statistics in Medicine 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_the_share(hits: int, misses: int) -> None:
    """The seen share lies within, and the bounds within 0 and 1."""
    low, high = wilson(hits, hits + misses)
    share = hits / (hits + misses) if hits + misses > 0 else 0.5
    assert 0.0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1.0


def test_poisson_low_as_published() -> None:
    """Garwood's exact bounds (Biometrika 1936) for 1, 3 and 10 events."""
    assert [poisson_low(count) for count in (0, 1, 3, 10)] == pytest.approx(
        [0.0, 0.0253, 0.6187, 4.7954], abs=1e-4
    )


def test_bounds_of_a_mean_of_differences() -> None:
    """Equal differences leave no doubt; none at all leave every doubt."""
    assert mean_of_differences(np.full(30, 0.2), seed=1) == pytest.approx((0.2, 0.2))
    assert mean_of_differences(np.array([]), seed=1) == (-np.inf, np.inf)
