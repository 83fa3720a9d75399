"""How many independent rows dependent ones are worth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from boxwatch.lifecycle.drift import Profile, compare, drifted
from boxwatch.lifecycle.drift.dependence import chance_distance, independent_rows, more_varied


def _alike(correlation: float, rows: int, features: int, seed: int) -> np.ndarray:
    """Rows each like the one before it."""
    steps = np.random.default_rng(seed).standard_normal((rows, features))
    steps[1:] *= np.sqrt(1 - correlation**2)
    for row in range(1, rows):
        steps[row] += correlation * steps[row - 1]
    return steps


def _rows(values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({str(number): column for number, column in enumerate(values.T)})


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.97])
def test_dependent_rows_are_worth_fewer(correlation):
    """As theory has it, (1 - a) / (1 + a) of them, within a third."""
    told = independent_rows(Profile.of(_rows(_alike(correlation, 20_000, 20, 1))))
    expected = 20_000 * (1 - correlation) / (1 + correlation)
    assert 0.67 <= np.median(told) / expected <= 1.5


def test_a_constant_feature_is_worth_its_stretches():
    """Nothing tells how alike its rows are."""
    profile = Profile.of(_rows(np.full((1_000, 1), 4.0)))
    assert independent_rows(profile).tolist() == [len(profile.counts)]


def test_neighbours_that_differ_make_nothing_more_sure():
    """Negative correlation is not taken for more rows than there are."""
    assert more_varied(np.array([1.0, -1.0] * 20)) == 1.0


def test_distances_by_chance_shrink_with_rows():
    """A hundred times the rows, a tenth of the distance."""
    few, many = (chance_distance(np.array([n]), np.array([n]), 1e-4)[0] for n in (100, 10_000))
    assert many == pytest.approx(few / 10)


def test_few_independent_rows_lie_apart_by_chance():
    """Two stretches of a thousand rows that are worth five are no drift, however far apart."""
    for seed in range(5):
        values = _alike(0.99, 4_000, 100, seed)
        before, after = Profile.of(_rows(values[:1_000])), _rows(values[3_000:])
        assert drifted(compare(before, after)).is_empty()


def test_a_change_among_enough_rows_is_found():
    """The same rows, ten times as many, moved by three deviations in one feature."""
    values = _alike(0.99, 40_000, 5, 1)
    values[30_000:, 2] += 3.0
    before, after = Profile.of(_rows(values[:10_000])), _rows(values[30_000:])
    assert drifted(compare(before, after))["feature"].to_list() == ["2"]
