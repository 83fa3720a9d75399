"""Rates and shares are compared with bounds that hold for few cases and for bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.lifecycle.drift import rate_ratio, ratio_of_stretches
from boxwatch.lifecycle.drift.rates import share_bounds


def test_exact_bounds_of_a_share():
    """Clopper and Pearson's: 0 of 10 and 5 of 10 at 99 %."""
    assert share_bounds(0, 10) == (0.0, pytest.approx(1 - 0.005 ** (1 / 10)))
    low, high = share_bounds(5, 10)
    assert (low, high) == (pytest.approx(0.1283, abs=1e-4), pytest.approx(0.8717, abs=1e-4))


def test_a_rate_is_compared_by_its_time():
    """Ten in ten hours against ten in a hundred: ten times as often, surely more than twice."""
    found = rate_ratio(10, 100.0, 10, 10.0)
    assert found.value == pytest.approx(10.0)
    assert 2.0 < found.low < 10.0 < found.high


def test_two_alarms_after_none_prove_nothing():
    """In equal times; but the value says that there were none before."""
    found = rate_ratio(0, 50.0, 2, 50.0)
    assert found.value == np.inf
    assert found.low < 1.0


def test_nothing_is_said_without_time():
    """Nothing was watched before."""
    assert rate_ratio(0, 0.0, 5, 10.0) is None


@given(st.integers(0, 40), st.integers(0, 40), st.floats(1, 1e4), st.floats(1, 1e4))
def test_the_bounds_hold_the_ratio(before, late, time_before, time_late):
    """Whatever was counted."""
    found = rate_ratio(before, time_before, late, time_late)
    assert 0.0 <= found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)


def test_one_burst_is_no_sure_share():
    """As many lines in one stretch as in all: the share may be nothing. Evenly: it is sure."""
    whole = np.full(16, 100)
    burst = np.zeros(16, int)
    burst[3] = 100
    assert ratio_of_stretches(burst, whole).low == 0.0
    even = ratio_of_stretches(np.full(16, 6), whole)
    assert even.low == pytest.approx(0.06)


def test_two_stretches_tell_no_share():
    """Too few to see how they differ."""
    assert ratio_of_stretches(np.array([1, 2, 0]), np.array([9, 9, 0])) is None
