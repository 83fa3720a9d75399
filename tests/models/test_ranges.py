"""Ranges: the scale of metrics of which nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.models import Ranges

NONE = np.full(3, np.nan)


def readings(rows, seed=0):
    """A load, noise, and a constant."""
    rng = np.random.default_rng(seed)
    return np.column_stack([50 + 9 * rng.random(rows), rng.random(rows), np.full(rows, 7.0)])


def fit(x, entity=None, **more):
    """Ranges of the rows of one entity, unless told otherwise."""
    return Ranges.fit(x, np.zeros(len(x), int) if entity is None else entity, known=NONE, **more)


def test_metrics_never_known_stay_unknown_and_ranges_are_saved():
    """A metric that is never known in training stays unknown; loaded ranges are the same."""
    x = readings(100)
    x[:, 1] = np.nan
    ranges, one = fit(x), np.zeros(100, int)
    z = ranges.standardise(x, one)
    assert np.isnan(z[:, 1]).all()
    assert np.isfinite(z[:, [0, 2]]).all()
    assert np.array_equal(Ranges.load(ranges.save()).standardise(x, one), z, equal_nan=True)


def test_a_rare_peak_does_not_widen_a_range():
    """One wild reading in 2,000 leaves the scale of the others as it was."""
    x = readings(2000)
    usual = fit(x).usual(0)[1][0]
    x[77, 0] = 1e9
    assert fit(x).usual(0)[1][0] == pytest.approx(usual, rel=0.1)


def test_each_entity_has_its_own_and_an_unseen_one_the_pool():
    """Two machines of different size are each usual for themselves."""
    x = np.vstack([readings(500), 10 * readings(500)])
    ranges = fit(x, np.arange(1000) // 500, entities=2)
    z = ranges.standardise(x, np.arange(1000) // 500)
    assert np.abs(z[:, :2]).max() <= 1.0
    assert ranges.usual(-1)[1][0] > ranges.usual(0)[1][0]


def test_a_width_that_is_known_is_kept():
    """A metric with a width of its own is measured by it, around 0."""
    x = readings(100)
    ranges = Ranges.fit(x, np.zeros(100, int), known=np.array([np.nan, 2.0, np.nan]))
    assert ranges.standardise(x, np.zeros(100, int))[:, 1] == pytest.approx(x[:, 1] / 2, abs=1e-6)
