"""The detectors agree with scikit-learn's on the same data."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.cluster
import sklearn.decomposition
import sklearn.ensemble

from boxwatch.models import PCA, IsolationForest
from boxwatch.models.lloyd import cluster


def correlated(rng):
    """Six features that follow two causes."""
    return rng.standard_normal((2000, 2)) @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal(
        (2000, 6)
    )


def lumps(rng):
    """Eight usual situations of unlike size."""
    centres = 6.0 * rng.standard_normal((8, 5))
    return centres[np.minimum(rng.geometric(0.3, 2000) - 1, 7)] + rng.standard_normal((2000, 5))


def heavy(rng):
    """Features with heavy tails and one that is mostly zero."""
    x = rng.standard_t(3, (2000, 10))
    x[:, 0] *= rng.random(2000) < 0.05
    return x


def wide(rng):
    """Many features."""
    return rng.standard_normal((2000, 30)) * np.linspace(0.2, 2.0, 30)


DATA = [correlated, lumps, heavy, wide]


def ranks(values):
    """Ranks from 0; ties as they come."""
    return np.argsort(np.argsort(values))


@pytest.mark.parametrize("data", DATA)
def test_isolation_forest_ranks_as_the_peer_does(data):
    """Rank correlation with score_samples at least 0.95, with 800 trees each against chance."""
    x = data(np.random.default_rng(0)).astype(np.float32)
    ours = IsolationForest(trees=800)
    ours.fit(x, 1)
    peer = sklearn.ensemble.IsolationForest(n_estimators=800, max_samples=256, random_state=1).fit(
        x
    )
    correlation = np.corrcoef(ranks(ours.score(x)), ranks(-peer.score_samples(x)))[0, 1]
    assert correlation >= 0.95


def test_isolation_forest_scores_as_the_peer_does():
    """The scores themselves are the paper's: within 0.03 of the peer's."""
    x = correlated(np.random.default_rng(0)).astype(np.float32)
    ours = IsolationForest(trees=800)
    ours.fit(x, 1)
    peer = sklearn.ensemble.IsolationForest(n_estimators=800, max_samples=256, random_state=1).fit(
        x
    )
    assert np.abs(ours.score(x) + peer.score_samples(x)).max() < 0.03


@pytest.mark.parametrize("variance", [0.8, 0.95])
@pytest.mark.parametrize("data", [correlated, wide, lumps])
def test_pca_leaves_what_the_peer_cannot_rebuild(data, variance):
    """Without trimming, the residual's length is the peer's reconstruction error."""
    x = np.clip(data(np.random.default_rng(0)), -2.3, 2.3).astype(np.float32)
    ours = PCA(variance=variance, trim=0.0)
    ours.fit(x, 0)
    kept = x.shape[1] - round(np.trace(ours.save().arrays["residual"]))
    peer = sklearn.decomposition.PCA(kept, svd_solver="full").fit(x.astype(np.float64))
    rebuilt = peer.inverse_transform(peer.transform(x.astype(np.float64)))
    assert np.allclose(ours.score(x), np.linalg.norm(x - rebuilt, axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize("data", DATA)
def test_kmeans_inertia_is_near_the_peers(data, count):
    """At most 5 % above the best of the peer's five starts."""
    x = np.ascontiguousarray(data(np.random.default_rng(0)))
    centres, member = cluster(x, count, np.random.default_rng(1), starts=2)
    inertia = np.square(x - centres[member]).sum()
    peer = sklearn.cluster.KMeans(count, n_init=5, random_state=0).fit(x)
    assert inertia <= 1.05 * peer.inertia_
