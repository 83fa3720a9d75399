from __future__ import annotations

import numpy as np
import pytest

from boxwatch.models import Reach

WINDOWS = 3600  # ten stretches


def steady(seed: int = 0) -> np.ndarray:
    """Two features of standard normal values."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((WINDOWS, 2)).astype(np.float32)


def one(z: np.ndarray) -> np.ndarray:
    """All rows of one entity."""
    return np.zeros(len(z), np.int64)


def test_a_steady_feature_has_a_reach_of_one():
    """Normal values stay within what is ordinary."""
    z = steady()
    assert np.array_equal(Reach.fit(z, one(z), 1).scale(z, one(z)), z)


def test_what_goes_far_on_three_occasions_is_ordinary():
    """Three bursts of one window each, hours apart, stretch the reach of their feature alone."""
    z = steady()
    z[[100, 1500, 3000], 0] = 20.0
    far = np.full((1, 2), 20.0, np.float32)
    scaled = Reach.fit(z, one(z), 1).scale(far, np.zeros(1, np.int64))
    assert scaled[0, 0] < 6.0
    assert scaled[0, 1] == 20.0


@pytest.mark.parametrize("windows", [1, 200])
def test_what_goes_far_once_is_not(windows):
    """One event, however long within its stretch, leaves the reach alone."""
    z = steady()
    z[720 : 720 + windows, 0] = 20.0
    far = np.full((1, 2), 20.0, np.float32)
    assert Reach.fit(z, one(z), 1).scale(far, np.zeros(1, np.int64))[0, 0] == 20.0


def test_each_entity_has_its_own_and_a_new_one_the_widest():
    """A bursty card does not silence a steady one; an unknown card gets the benefit of doubt."""
    z = np.vstack([steady(1), steady(2)])
    entity = np.repeat([0, 1], WINDOWS)
    z[[100, 1500, 3000], 0] = 20.0
    reach = Reach.fit(z, entity, 2)
    far = np.full((3, 2), 20.0, np.float32)
    scaled = reach.scale(far, np.array([0, 1, -1]))[:, 0]
    assert scaled[0] == scaled[2] < 6.0
    assert scaled[1] == 20.0


def test_few_windows_have_a_reach_of_one_and_unknown_stays_unknown():
    """Less than three stretches say nothing about occasions; NaN goes through."""
    z = np.full((100, 2), np.nan, np.float32)
    scaled = Reach.fit(z, one(z), 1).scale(z, one(z))
    assert np.isnan(scaled).all()


def test_a_saved_reach_scales_alike():
    """Bit by bit."""
    z = steady()
    z[[100, 1500, 3000], 0] = 20.0
    reach = Reach.fit(z, one(z), 1)
    assert np.array_equal(Reach.load(reach.save()).scale(z, one(z)), reach.scale(z, one(z)))
