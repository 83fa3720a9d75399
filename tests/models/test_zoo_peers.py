"""The models of the zoo rank rows as their peers do.

PyOD is not installed where these tests run; `pyod_scores.json` holds what PyOD 3.6.7 says of the
rows of `tables`, rounded. It was made by

    import json
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from tests.models.test_zoo_peers import LEARNED, TABLES, table

    def scores(kind, x):
        return kind().fit(x[:LEARNED]).decision_function(x[LEARNED:]).round(3).tolist()

    kept = {n: {k.__name__: scores(k, table(n)) for k in (ECOD, HBOS)} for n in TABLES}
    json.dump(kept, open("tests/models/pyod_scores.json", "w"))
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sklearn.svm

from boxwatch.models.ecod import ECOD
from boxwatch.models.hbos import HBOS
from boxwatch.models.one_class_svm import OneClassSVM
from boxwatch.models.support import support_weights

LEARNED = 1000
TABLES = ("normal", "skewed", "lumps")
PYOD = json.loads((Path(__file__).parent / "pyod_scores.json").read_text(encoding="utf-8"))


def table(name):
    """1,200 rows of six features."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((1200, 6))
    if name == "skewed":
        x = np.exp(0.8 * x)
    if name == "lumps":
        x[:, :3] += 4.0 * rng.integers(0, 2, (1200, 3))
    return x.astype(np.float32)


def correlation(left, right):
    """Spearman's, ties with their mean rank."""
    return np.corrcoef(ranks(left), ranks(right))[0, 1]


def ranks(values):
    """Mean ranks from 0."""
    ordered = np.sort(values)
    low, high = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return 0.5 * (low + high - 1.0)


@pytest.mark.parametrize("name", TABLES)
def test_ecod_ranks_as_pyod_does(name):
    """Rank correlation at least .99, though there the rows scored are learned from too."""
    model = ECOD()
    model.fit(table(name)[:LEARNED], 0)
    assert correlation(model.score(table(name)[LEARNED:]), PYOD[name]["ECOD"]) >= 0.99


@pytest.mark.parametrize("name", TABLES)
def test_hbos_ranks_much_as_pyod_does(name):
    """Rank correlation at least .8: bins are placed and heights are weighed differently."""
    model = HBOS(bins=10)
    model.fit(table(name)[:LEARNED], 0)
    assert correlation(model.score(table(name)[LEARNED:]), PYOD[name]["HBOS"]) >= 0.8


@pytest.mark.parametrize("nu", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("name", TABLES)
def test_one_class_svm_ranks_as_the_peer_does(name, nu):
    """Rank correlation with scikit-learn's decision at least .999 where it does not saturate."""
    x = np.clip(table(name), -2.5, 6.0)
    model = OneClassSVM(nu)
    model.fit(x[:LEARNED], 0)
    scale = model.save().arrays["scale"]
    peer = sklearn.svm.OneClassSVM(nu=nu, gamma=model.save().meta["gamma"])
    peer.fit(x[:LEARNED] / scale)
    decided = peer.decision_function(x[LEARNED:] / scale)
    assert correlation(model.score(x[LEARNED:]), -decided) >= 0.999


@pytest.mark.parametrize("nu", [0.01, 0.1, 0.5])
def test_support_weights_are_as_good_as_the_peers(nu):
    """The solution is no worse than scikit-learn's, by at most a thousandth, and within bounds."""
    x = table("lumps")[:400].astype(np.float64)
    kernel = np.exp(-0.1 * np.square(x[:, None] - x[None]).sum(axis=2))
    weights = support_weights(kernel, nu)
    peer = sklearn.svm.OneClassSVM(kernel="precomputed", nu=nu).fit(kernel)
    theirs = np.zeros(400)
    theirs[peer.support_] = peer.dual_coef_[0] / peer.dual_coef_.sum()
    assert weights @ kernel @ weights <= 1.001 * (theirs @ kernel @ theirs)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0.0
    assert weights.max() <= max(1.0 / (nu * 400), 1.0 / 400) * (1 + 1e-9)


def test_support_of_a_single_row_is_that_row():
    """One row bears all the weight; two equal ones share it."""
    assert support_weights(np.ones((1, 1)), 0.01).tolist() == [1.0]
    assert support_weights(np.ones((2, 2)), 1.0).tolist() == [0.5, 0.5]
