"""Drift is told where it is, and nowhere else, at any number of rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.errors import ModelError
from boxwatch.lifecycle.drift import LEAST_ROWS, LIMITS, Profile, compare, drifted


def _rows(values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({f"f{number}": values[:, number] for number in range(values.shape[1])})


def _normal(seed: int, rows: int, features: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, features))


def _moved(before: np.ndarray, after: np.ndarray) -> list[str]:
    return sorted(drifted(compare(Profile.of(_rows(before)), _rows(after)))["feature"])


@pytest.mark.parametrize("rows", [LEAST_ROWS, 1_000, 10_000, 200_000])
def test_rows_of_one_kind_have_not_drifted(rows: int) -> None:
    """Rows drawn from the same distribution are no drift, few or many."""
    assert _moved(_normal(1, rows), _normal(2, rows)) == []


def test_a_change_too_small_to_matter_is_no_drift_among_many_rows() -> None:
    """A shift that any test of significance sees among 200,000 rows is still no drift."""
    assert _moved(_normal(1, 200_000), _normal(2, 200_000) + 0.05) == []


def test_a_feature_that_moved_is_named_and_no_other() -> None:
    """One feature shifted by a standard deviation."""
    after = _normal(2, 2_000)
    after[:, 3] += 1.0
    assert _moved(_normal(1, 10_000), after) == ["f3"]


def test_a_feature_that_scatters_more_has_drifted() -> None:
    """The same middle, three times the spread."""
    after = _normal(2, 2_000)
    after[:, 0] *= 3.0
    assert _moved(_normal(1, 10_000), after) == ["f0"]


def test_a_constant_that_changes_has_drifted() -> None:
    """A constant feature with another value."""
    before, after = _normal(1, 5_000), _normal(2, 1_000)
    before[:, 1], after[:, 1] = 4.0, 3.0
    assert _moved(before, after) == ["f1"]


def test_values_that_become_unknown_are_drift() -> None:
    """A fifth of a feature's readings is missing, a whole feature is gone."""
    after = _normal(2, 2_000)
    after[np.random.default_rng(3).random(len(after)) < 0.2, 2] = np.nan
    after[:, 4] = np.nan
    found = drifted(compare(Profile.of(_rows(_normal(1, 10_000))), _rows(after)))
    assert dict(found.select("feature", "effect").iter_rows()) == {"f2": "unknown", "f4": "unknown"}


def test_a_night_is_no_drift_from_days_and_nights() -> None:
    """A stretch differs from the reference as its own stretches do: that is usual."""
    at = np.arange(20_000) / 1_000  # 20 days
    daily = np.sin(2 * np.pi * at)[:, None] + 0.3 * _normal(1, len(at), 1)
    night = daily[-1_500:-1_000]
    assert _moved(daily[:19_000], night) == []
    assert _moved(daily[:19_000], night + 2.0) == ["f0"]


def test_rows_that_follow_each_other_are_not_counted_as_independent() -> None:
    """Slowly wandering values: a thousand rows are few independent ones."""
    steps = _normal(5, 22_000, 20)
    values = np.empty_like(steps)
    values[0] = steps[0]
    for row in range(1, len(steps)):
        values[row] = 0.98 * values[row - 1] + 0.2 * steps[row]
    assert _moved(values[:20_000], values[-1_000:]) == []


def test_a_step_that_nobody_would_care_about_is_no_drift() -> None:
    """A disk that never moved and has a thousandth more on it; a tenth more is drift."""
    before = np.full((1_000, 1), 0.421)
    profile = Profile.of(_rows(before))
    for step, moved in ((0.001, 0), (0.1, 1)):
        found = compare(profile, _rows(before[:300] + step), {"f0": 0.02})
        assert drifted(found).height == moved


def test_infinite_values_are_compared_as_any_other() -> None:
    """Infinities in both tables do not make an effect that is no number."""
    before, after = _normal(1, 1_000), _normal(2, 1_000)
    before[::7, 0], after[::7, 0], after[::9, 1] = np.inf, np.inf, -np.inf
    found = compare(Profile.of(_rows(before)), _rows(after))
    assert found.select(pl.all_horizontal(pl.col("value", "low", "high").is_finite()).all()).item()
    assert not found.filter(pl.col("feature") == "f0")["drifted"].any()


def test_a_profile_at_rest_compares_as_it_did() -> None:
    """Saved and loaded, a profile gives the same table."""
    profile, rows = Profile.of(_rows(_normal(1, 1_000))), _rows(_normal(2, 500) + 0.5)
    assert compare(Profile.load(profile.save()), rows).equals(compare(profile, rows))


def test_too_few_rows_are_said_to_be_too_few() -> None:
    """No verdict comes from a handful of rows."""
    with pytest.raises(ModelError, match="too few"):
        compare(Profile.of(_rows(_normal(1, 1_000))), _rows(_normal(2, LEAST_ROWS - 1)))


def test_a_feature_that_is_not_in_the_table_is_named() -> None:
    """A missing column is an error that says which."""
    with pytest.raises(ModelError, match="f4"):
        compare(Profile.of(_rows(_normal(1, 1_000))), _rows(_normal(2, 1_000)[:, :4]))


def test_text_is_no_feature() -> None:
    """A column of text is refused by name."""
    with pytest.raises(ModelError, match="host"):
        Profile.of(pl.DataFrame({"host": ["a"] * LEAST_ROWS}))


@settings(max_examples=25)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e3),
    st.integers(0, 2**31),
)
def test_units_change_no_effect(offset: float, scale: float, seed: int) -> None:
    """Another zero and another unit, in both tables, leave effects and verdicts as they were."""
    before, after = _normal(seed, 500, 1), _normal(seed + 1, 300, 1) + 0.7
    one = compare(Profile.of(_rows(before)), _rows(after))
    other = compare(Profile.of(_rows(before * scale + offset)), _rows(after * scale + offset))
    for column in ("value", "low", "high", "usual"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-3, atol=1e-4)


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(LEAST_ROWS, 900), st.integers(LEAST_ROWS, 900))
def test_bounds_hold_the_value(seed: int, before: int, after: int) -> None:
    """Every effect lies between its bounds, none is negative, and limits are the declared ones."""
    found = compare(
        Profile.of(_rows(_normal(seed, before, 2))), _rows(_normal(seed + 1, after, 2) * 2.0)
    )
    inside = (pl.col("low") >= 0) & (pl.col("low") <= pl.col("value"))
    assert found.select((inside & (pl.col("value") <= pl.col("high"))).all()).item()
    assert dict(found.select("effect", "limit").unique().iter_rows()) == dict(LIMITS)
