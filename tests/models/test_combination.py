"""Combination of p-values: valid, monotone, honest about no opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boxwatch.errors import ModelError
from boxwatch.models import combine

P = arrays(np.float64, (7, 4), elements=st.floats(1e-300, 1.0) | st.just(np.nan))


@given(P)
def test_combined_is_a_probability_or_unknown(p):
    """In (0, 1] where any detector has an opinion, NaN where none has."""
    combined = combine(p)
    known = ~np.isnan(p).all(axis=1)
    assert np.all((combined[known] > 0.0) & (combined[known] <= 1.0))
    assert np.all(np.isnan(combined[~known]))


@given(P, st.integers(0, 6), st.integers(0, 3), st.floats(0.0, 1.0))
def test_combined_never_falls_when_one_rises(p, row, column, share):
    """Raising one p-value does not lower the combined one."""
    raised = p.copy()
    raised[row, column] += share * (1.0 - raised[row, column])
    assert np.all((combine(raised) >= combine(p)) | np.isnan(p).all(axis=1))


@given(P, st.permutations(range(4)))
def test_order_of_detectors_does_not_matter(p, order):
    """The rule is symmetric."""
    assert np.array_equal(combine(p[:, list(order)]), combine(p), equal_nan=True)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.99, -0.3])
def test_false_alarm_rate_holds_under_dependence(correlation):
    """At 1 % at most 1 % of normal windows are found, however the detectors depend."""
    rng = np.random.default_rng(0)
    cover = np.full((4, 4), correlation)
    np.fill_diagonal(cover, 1.0)
    z = rng.multivariate_normal(np.zeros(4), cover, 100_000)
    rank = z.argsort(axis=0).argsort(axis=0)
    assert np.mean(combine((rank + 1.0) / len(z)) <= 0.01) <= 0.011


def test_one_detector_speaks_for_itself():
    """A single opinion is not penalised for detectors that had none."""
    assert combine(np.array([[np.nan, 0.02, np.nan]]))[0] == 0.02


def test_no_windows_no_p_values():
    """An empty matrix gives an empty vector."""
    assert combine(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("p", [np.zeros(3), np.array([[1.5]]), np.array([[-0.1]])])
def test_what_is_no_p_value_is_refused(p):
    """A vector, or a value outside 0 to 1, is a ModelError."""
    with pytest.raises(ModelError):
        combine(p)
