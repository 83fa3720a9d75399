"""The false-alarm budget: its arithmetic, and that less budget never means more alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.errors import SettingError
from boxwatch.models import is_alarm, threshold

BUDGETS = st.floats(0.0, 1e6)


def test_one_a_week_of_minutes_is_one_in_ten_thousand():
    """One false alarm a week, 60 s windows, one entity: 1 / 10080."""
    assert threshold(1.0, 60.0, 1.0) == pytest.approx(1 / 10_080)


def test_budget_is_spent_on_normal_windows():
    """A week of uniform p-values on 8 entities gives about the budgeted alarms."""
    p = np.random.default_rng(0).random(8 * 604_800 // 60)
    alpha = threshold(50.0, 60.0, 8.0)
    found = sum(is_alarm(one, alpha) for one in p.tolist())
    assert found == pytest.approx(50, abs=20)


@given(BUDGETS, BUDGETS, st.floats(0.0, 1.0))
def test_alarms_never_rise_when_the_budget_falls(one, other, p):
    """Every alarm under the smaller budget is one under the larger."""
    small, large = sorted([one, other])
    fewer = is_alarm(p, threshold(small, 10.0, 4.0))
    more = is_alarm(p, threshold(large, 10.0, 4.0))
    assert more or not fewer


@given(st.floats(1.0, 3600.0), st.floats(1.0, 100.0))
def test_more_entities_each_get_less(window, entities):
    """Twice the entities halve the threshold, as long as it is below the limit."""
    one, two = threshold(0.1, window, entities), threshold(0.1, window, 2 * entities)
    assert two == pytest.approx(one / 2)


def test_no_budget_no_alarm():
    """A budget of 0 raises no alarm, not even at p = 0."""
    assert not any(is_alarm(p, threshold(0.0, 60.0, 1.0)) for p in (0.0, 1e-300))


def test_ordinary_window_is_no_alarm_under_any_budget():
    """The threshold stays at or below one in twenty."""
    assert threshold(1e9, 3600.0, 1.0) == 0.05


def test_unknown_is_no_alarm():
    """NaN is not at or below any threshold."""
    assert not is_alarm(np.nan, 0.05)


@pytest.mark.parametrize(
    "numbers",
    [(-1.0, 60.0, 1.0), (1.0, 0.0, 1.0), (1.0, 60.0, 0.0), (np.nan, 60.0, 1.0), (1.0, np.inf, 1.0)],
)
def test_numbers_without_meaning_are_refused(numbers):
    """Negative, zero, infinite or unknown numbers are a SettingError."""
    with pytest.raises(SettingError, match="must be a finite number"):
        threshold(*numbers)
