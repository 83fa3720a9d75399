"""What each detector is for, beyond the promises that all of them keep."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.models import DETECTORS, PCA, IsolationForest, KMeans, RobustZ

GROWING = [RobustZ, PCA, KMeans]


def normal(rows=2000, features=8, seed=0):
    """Standard normal windows."""
    return np.random.default_rng(seed).standard_normal((rows, features)).astype(np.float32)


def fitted(kind, x):
    """A detector that learned `x`."""
    model = kind()
    model.fit(x, 1)
    return model


def row(**places):
    """One window of usual values but for `f<number>`."""
    x = np.zeros((1, 8), np.float32)
    for name, value in places.items():
        x[0, int(name[1:])] = value
    return x


@pytest.mark.parametrize("kind", GROWING)
def test_score_keeps_growing_far_outside_training(kind):
    """Ten times as far out scores nearly ten times as much, up to the clip at the door."""
    model = fitted(kind, normal())
    scores = [float(model.score(row(f2=size))[0]) for size in (50.0, 500.0, 5000.0)]
    assert scores[1] / scores[0] == pytest.approx(10.0, rel=0.1)
    assert scores[2] / scores[1] == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("kind", DETECTORS.values())
def test_strange_feature_has_the_greatest_contribution(kind):
    """The feature that is far out explains most of the score among the features."""
    model = fitted(kind, normal())
    for feature in range(8):
        parts = model.contributions(row(**{f"f{feature}": 8.0}))[0]
        assert parts.argmax() == feature


def test_robust_z_hears_one_extreme_feature():
    """One feature at 10 spreads scores about 10, however many others are usual."""
    model = fitted(RobustZ, normal())
    assert model.score(row(f3=10.0))[0] == pytest.approx(10.0, rel=0.1)


def test_robust_z_adds_up_several_raised_features():
    """Four features at 5 score more than one at 5 and less than four times as much."""
    model = fitted(RobustZ, normal())
    one, four = model.score(np.vstack([row(f0=5), row(f0=5, f1=5, f2=5, f3=5)]))
    assert one < four < 4 * one


def test_robust_z_does_not_let_a_bursty_feature_speak_for_all():
    """A feature with a heavy tail needs to go farther than a calm one for the same score."""
    x = normal()
    x[:, 0] *= np.where(np.arange(len(x)) % 10 == 0, 20.0, 1.0)
    bursty, calm = fitted(RobustZ, x).score(np.vstack([row(f0=10.0), row(f1=10.0)]))
    assert bursty < calm / 2


def test_pca_sees_features_that_part_ways():
    """Two features that always move together and now differ, each within its range."""
    x = normal()
    x[:, 1] = x[:, 0] + 0.05 * x[:, 1]
    x[:, 3:] = x[:, 2:3] + 0.1 * x[:, 3:]
    model = fitted(PCA, x)
    together, apart = model.score(np.vstack([row(f0=1.5, f1=1.5), row(f0=1.5, f1=-1.5)]))
    assert apart > 10 * together


@pytest.mark.parametrize("kind", [PCA, KMeans])
def test_fault_in_training_does_not_become_usual(kind):
    """One window in a hundred of a far fault in training stays far from usual."""
    x = normal()
    x[::100] = row(f0=30.0, f1=-30.0) + 0.1 * x[::100]
    model = fitted(kind, x)
    usual, fault = np.median(model.score(x)), model.score(row(f0=30.0, f1=-30.0))[0]
    assert fault > 5 * usual


def test_kmeans_knows_several_usual_situations():
    """Between two usual situations is stranger than in either."""
    x = 0.3 * normal()
    x[::2] += 5.0
    model = fitted(KMeans, x)
    one, between, other = model.score(np.repeat([[0.0], [2.5], [5.0]], 8, axis=1).astype("f4"))
    assert between > 3 * max(one, other)


def test_kmeans_survives_windows_that_are_all_alike():
    """Equal windows make one centre; another window is strange to it."""
    model = fitted(KMeans, np.ones((100, 8), np.float32))
    assert model.score(np.ones((1, 8), np.float32))[0] == 0.0
    assert model.score(row(f0=5.0))[0] > 5.0


def test_isolation_forest_saturates_within_zero_and_one():
    """Scores lie in (0, 1), and far outside training they no longer grow."""
    model = fitted(IsolationForest, normal())
    usual, far, farther = model.score(np.vstack([row(), row(f0=100.0), row(f0=1000.0)]))
    assert 0.0 < usual < far < 1.0
    assert far == farther


def test_isolation_forest_changes_with_the_seed():
    """Another seed grows other trees."""
    x = normal()
    one, other = IsolationForest(), IsolationForest()
    one.fit(x, 1)
    other.fit(x, 2)
    assert not np.array_equal(one.score(x), other.score(x))
    assert np.corrcoef(one.score(x), other.score(x))[0, 1] > 0.9
