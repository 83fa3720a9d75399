"""Random forest: it finds the faults it was shown, and its probability is one."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.metrics

from boxwatch.errors import ModelError
from boxwatch.models.context import SPAN, run_in_context
from boxwatch.models.injection import inject
from boxwatch.models.probability import Sigmoid
from boxwatch.models.random_forest import RandomForest

OCCASION = 40  # rows


def labelled(seed, occasions=150, faults=40):
    """Rows in occasions that are alike within; in some, two of eight features part ways."""
    rng = np.random.default_rng(seed)
    rows = occasions * OCCASION
    occasion = np.arange(rows) // OCCASION
    x = rng.standard_normal((rows, 8)) + rng.standard_normal((occasions, 8))[occasion]
    faulty = rng.choice(occasions, faults, replace=False)
    fault = np.isin(occasion, faulty) & (np.arange(rows) % OCCASION > OCCASION // 2)
    size = rng.uniform(0.0, 4.0, occasions)[occasion]
    x[fault, 0] += size[fault]
    x[fault, 3] -= size[fault]
    return x.astype(np.float32), fault, occasion


@pytest.fixture(scope="module")
def model():
    """A forest that has learned 150 occasions."""
    made = RandomForest()
    made.fit(*labelled(0), seed=1)
    return made


@pytest.fixture(scope="module")
def fresh(model):
    """Many occasions that it did not see: rows, which are faults, and what it says of them."""
    x, fault, _ = labelled(1, occasions=800, faults=210)
    return x, fault, model.score(x)


def test_it_ranks_as_well_as_the_peer(fresh):
    """Average precision on new occasions is at least .95 times that of scikit-learn's forest."""
    x, fault, probability = fresh
    learned, known, _ = labelled(0)
    peer = sklearn.ensemble.RandomForestClassifier(
        100, max_depth=10, class_weight="balanced", random_state=0
    ).fit(learned, known)
    theirs = sklearn.metrics.average_precision_score(fault, peer.predict_proba(x)[:, 1])
    ours = sklearn.metrics.average_precision_score(fault, probability)
    assert ours >= 0.95 * theirs


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1.0)])
def test_so_many_are_faults_as_the_probability_says(fresh, low, high):
    """Of new rows with a probability in a range, that share are faults, give or take 0.12."""
    _, fault, probability = fresh
    chosen = (probability >= low) & (probability < high)
    assert chosen.sum() > 50
    assert fault[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=0.12)


def test_the_features_that_part_ways_explain_the_probability(model, fresh):
    """Of sure faults, the two features that moved explain more than half."""
    x, fault, probability = fresh
    sure = fault & (probability > 0.7)
    parts = model.contributions(x[sure]).sum(axis=0)
    assert parts[[0, 3]].sum() > 0.5 * parts.sum()


def test_labels_without_sense_give_no_confidence():
    """Occasions labelled at random: no row gets far from the share of faults."""
    x, _, occasion = labelled(0)
    fault = np.isin(occasion, np.random.default_rng(5).choice(150, 40, replace=False))
    made = RandomForest(trees=50)
    made.fit(x, fault, occasion, seed=1)
    fresh, _, _ = labelled(2)
    assert np.abs(made.score(fresh) - fault.mean()).max() < 0.25


def test_order_of_rows_does_not_matter():
    """The same rows with their labels in another order teach the same, to the bit."""
    x, fault, occasion = labelled(0, occasions=30, faults=8)
    order = np.random.default_rng(0).permutation(len(x))
    first, second = RandomForest(20), RandomForest(20)
    first.fit(x, fault, occasion, 1)
    second.fit(x[order], fault[order], occasion[order], 1)
    assert np.array_equal(first.score(x), second.score(x))


@pytest.mark.parametrize("faults", [0, 1])
def test_a_single_fault_is_too_few(faults):
    """The error says how many faults and how many others are needed."""
    x, _, occasion = labelled(0, occasions=10, faults=2)
    with pytest.raises(ModelError, match="2 faults and as many occasions without one"):
        RandomForest().fit(x, np.isin(occasion, range(faults)), occasion, 1)


def test_labels_must_be_one_a_row():
    """Labels of another length are refused."""
    x, fault, occasion = labelled(0, occasions=10, faults=2)
    with pytest.raises(ModelError, match="a label and an occasion for each"):
        RandomForest().fit(x, fault[1:], occasion, 1)


def seen(x):
    """Rows in context; the first stands for those before it."""
    return run_in_context(np.vstack([np.repeat(x[:1], SPAN - 1, axis=0), x]))


def test_shown_injected_faults_it_finds_another_kind_of_jump():
    """Learned from faults put into ordinary rows, it finds a jump that nobody put there."""
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.standard_normal((6000, 6)), axis=0)
    x = (x - x.mean(axis=0)) / x.std(axis=0) * 0.1 + 0.02 * rng.standard_normal((6000, 6))
    shown = [inject(x[:4000].astype(np.float32), seed) for seed in range(4)]
    made = RandomForest(trees=50)
    made.fit(
        np.vstack([seen(one.x) for one in shown]),
        np.concatenate([one.fault for one in shown]),
        np.concatenate([one.occasion for one in shown]),
        seed=1,
    )
    test = x[4000:].copy()
    test[1000:1020, 2] += 0.5
    score = made.score(seen(test.astype(np.float32)))
    assert score[1000:1020].max() > np.quantile(score[:1000], 0.99)


def test_injected_faults_leave_the_rest_alone():
    """Rows without a fault are as they were, unknown readings too, and the input is untouched."""
    x = np.random.default_rng(0).standard_normal((2000, 5)).astype(np.float32)
    x[::7, 1] = np.nan
    kept = x.copy()
    shown = inject(x, seed=2)
    assert np.array_equal(shown.x[~shown.fault], kept[~shown.fault], equal_nan=True)
    assert np.array_equal(x, kept, equal_nan=True)
    assert 0.05 < shown.fault.mean() < 0.3


def test_an_occasion_is_a_fault_or_none():
    """No occasion holds rows with and without a fault, nor faults of two seeds."""
    shown = [inject(np.zeros((2000, 3), np.float32), seed) for seed in (4, 5)]
    faulty = [set(one.occasion[one.fault].tolist()) for one in shown]
    others = [set(one.occasion[~one.fault].tolist()) for one in shown]
    assert len(faulty[0] | faulty[1]) == len(faulty[0]) + len(faulty[1])
    assert not (faulty[0] | faulty[1]) & (others[0] | others[1])


def test_no_rows_get_no_faults():
    """An empty table stays empty."""
    shown = inject(np.empty((0, 3), np.float32), seed=1)
    assert shown.x.shape == (0, 3)


def test_votes_that_say_nothing_give_the_share_of_faults():
    """Where fewer votes go with more faults, the probability is the share everywhere."""
    fault = np.arange(1000) < 100
    sigmoid = Sigmoid.fit(np.where(fault, 0.2, 0.6), fault)
    assert sigmoid.probability(np.array([0.0, 1.0])) == pytest.approx(0.1, abs=0.01)


def test_perfect_votes_do_not_give_certainty():
    """Ten faults, all voted for, are no proof that the next one is."""
    fault = np.arange(100) < 10
    sigmoid = Sigmoid.fit(fault.astype(np.float64), fault)
    assert 0.85 < float(sigmoid.probability(np.ones(1))[0]) < 0.99
