"""Baselines: what is usual for each entity, with few windows, unknown values and new entities."""

from __future__ import annotations

import json

import numpy as np
import pytest

from boxwatch.errors import ModelError
from boxwatch.models import Baseline, Saved, watched

ONE = np.ones(1)


def fit(x, entity, *, entities=None, prior=1.0, floor=0.01, weight=20.0):
    """A baseline with the same prior and floor for every feature."""
    count = int(max(entity, default=-1)) + 1 if entities is None else entities
    width = x.shape[1]
    return Baseline.fit(
        x,
        np.asarray(entity, dtype=np.int64),
        prior=np.full(width, prior),
        floor=np.full(width, floor),
        entities=count,
        prior_weight=weight,
    )


def fleet(entities=5, windows=400, features=3):
    """Windows of several entities, each with its own level, one in ten unknown."""
    rng = np.random.default_rng(0)
    entity = np.tile(np.arange(entities), windows)
    x = 10.0 * entity[:, None] + rng.standard_normal((len(entity), features)) * [0.5, 2.0, 8.0]
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, entity


def test_location_is_each_entitys_median():
    """As numpy's nanmedian, entity by entity."""
    x, entity = fleet()
    baseline = fit(x, entity)
    for number in range(5):
        expected = np.nanmedian(x[entity == number], axis=0)
        assert np.allclose(baseline.usual(number)[0], expected)


def test_spread_is_the_larger_of_two_robust_ones():
    """The larger of MAD and 5-95 % range, both in units of a normal's spread."""
    x, entity = fleet()
    mine = x[entity == 2]
    mad = 1.4826 * np.nanmedian(np.abs(mine - np.nanmedian(mine, axis=0)), axis=0)
    low, high = np.nanquantile(mine, [0.05, 0.95], axis=0)
    expected = np.maximum(mad, (high - low) / 3.29)
    assert np.allclose(fit(x, entity, weight=0.0).usual(2)[1], expected)


def test_many_windows_standardise_to_unit_spread():
    """Every entity's own windows have median 0 and spread 1, whatever their level and scale."""
    x, entity = fleet(windows=3000)
    z = fit(x, entity).standardise(x, entity)
    assert np.allclose(np.nanmedian(z, axis=0), 0.0, atol=0.02)
    assert np.allclose(np.nanstd(z, axis=0), 1.0, atol=0.05)


def test_few_windows_take_the_prior_spread():
    """Two windows that agree do not make a third one strange."""
    baseline = fit(np.array([[5.0], [5.0]]), [0, 0], prior=2.0)
    assert baseline.usual(0)[1][0] == pytest.approx(2.0 * np.sqrt(20 / 22))


def test_spread_never_falls_below_the_floor():
    """A perfectly steady feature keeps the floor as its spread."""
    baseline = fit(np.full((10_000, 1), 3.0), np.zeros(10_000), prior=0.01, floor=0.5)
    assert baseline.usual(0)[1][0] == 0.5


def test_two_levels_are_both_usual():
    """Idle 60 % and busy 40 % of the time: neither is far out, though the MAD is tiny."""
    x = np.where(np.arange(1000) % 5 < 3, 1.0, 90.0)[:, None]
    z = fit(x, np.zeros(1000)).standardise(x, np.zeros(1000, np.int64))
    assert np.abs(z).max() < 4.0


def test_unknown_stays_unknown():
    """NaN in, NaN out, and the same places only."""
    x, entity = fleet()
    z = fit(x, entity).standardise(x, entity)
    assert np.array_equal(np.isnan(z), np.isnan(x))


def test_feature_never_known_takes_the_pool():
    """An entity whose GPU never told its power is judged by the other entities' power."""
    x, entity = fleet()
    x[entity == 3, 1] = np.nan
    location, spread = fit(x, entity).usual(3)
    assert location[1] == pytest.approx(np.nanmedian(x[:, 1]))
    assert spread[1] > fit(x, entity).usual(2)[1][1]


@pytest.mark.parametrize("stranger", [-1, 5, 999])
def test_unseen_entity_takes_the_pool_widened(stranger):
    """An entity that was not there at the fit is judged by all, and more gently."""
    x, entity = fleet()
    location, spread = fit(x, entity).usual(stranger)
    assert np.allclose(location, np.nanmedian(x, axis=0))
    assert np.all(spread > fit(x, np.zeros(len(x)), entities=1).usual(0)[1])


def test_entity_without_windows_is_as_an_unseen_one():
    """A place kept for an entity that has not come yet is harmless."""
    x, entity = fleet()
    baseline = fit(x, entity, entities=9)
    assert np.array_equal(baseline.usual(7), baseline.usual(-1))


def test_no_windows_at_all_leave_the_prior():
    """Before the first window everything is measured by the prior, widened."""
    baseline = fit(np.empty((0, 1)), [], entities=0)
    assert baseline.standardise(np.array([[4.0]]), np.array([-1]))[0, 0] == 2.0


def test_order_of_windows_does_not_matter():
    """Shuffled windows give the same baseline."""
    x, entity = fleet()
    order = np.random.default_rng(1).permutation(len(x))
    one, other = fit(x, entity), fit(x[order], entity[order])
    assert np.allclose(one.save().arrays["spread"], other.save().arrays["spread"])


def test_wild_values_are_held():
    """Infinite and huge values become at most 10,000 spreads; in training they are unknown."""
    x = np.array([[1.0], [2.0], [3.0], [np.inf], [-np.inf]])
    baseline = fit(x, np.zeros(5))
    z = baseline.standardise(np.array([[np.inf], [-1e300]]), np.zeros(2, np.int64))
    assert z[:, 0].tolist() == [1e4, -1e4]
    assert baseline.usual(0)[0][0] == 2.0


def test_unwatched_direction_becomes_usual():
    """Only excursions in a watched direction remain; unknown remains unknown."""
    z = np.array([[3.0, 3.0, 3.0, 3.0], [-3.0, -3.0, -3.0, np.nan]], np.float32)
    high, low = np.array([True, False, True, False]), np.array([False, True, True, False])
    expected = np.array([[3, 0, 3, 0], [0, -3, -3, np.nan]], np.float32)
    assert np.array_equal(watched(z, high, low), expected, equal_nan=True)


def test_saved_baseline_is_identical():
    """Through arrays and JSON the standardised windows stay the same to the bit."""
    x, entity = fleet()
    baseline = fit(x, entity)
    saved = baseline.save()
    loaded = Baseline.load(Saved(saved.arrays, json.loads(json.dumps(dict(saved.meta)))))
    left, right = loaded.standardise(x, entity), baseline.standardise(x, entity)
    assert np.array_equal(left, right, equal_nan=True)


@pytest.mark.parametrize(
    ("x", "entity", "prior", "entities"),
    [
        (np.zeros(3), np.zeros(3, int), ONE, 1),
        (np.zeros((3, 1)), np.zeros(2, int), ONE, 1),
        (np.zeros((3, 1)), np.zeros(3, int), np.ones(2), 1),
        (np.zeros((3, 1)), np.zeros(3, int), ONE * np.nan, 1),
        (np.zeros((3, 1)), np.array([0, 1, 2]), ONE, 2),
        (np.zeros((3, 1)), np.array([0, -1, 0]), ONE, 2),
    ],
    ids=["vector", "entities-short", "prior-long", "prior-nan", "entity-high", "entity-low"],
)
def test_shapes_that_do_not_agree_are_refused(x, entity, prior, entities):
    """Each is a ModelError that names the sizes."""
    with pytest.raises(ModelError):
        Baseline.fit(x, entity, prior=prior, floor=ONE, entities=entities)
