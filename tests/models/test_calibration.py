"""Calibration: what p-values promise, on simulated normal windows whose law is known."""

from __future__ import annotations

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boxwatch.errors import ModelError
from boxwatch.models import Calibrator, Saved

WINDOWS = 2000
SEEDS = 100
LEVEL = 1e-4
QUANTILES = {
    "light": np.vectorize(lambda p: NormalDist().inv_cdf(1 - p / 2)),  # half-normal
    "exponential": lambda p: -np.log(p),
    "lognormal": np.vectorize(lambda p: math.exp(-NormalDist().inv_cdf(p))),
    "heavy": lambda p: (p**-0.25 - 1) / 0.25,  # generalised Pareto of shape 0.25
}
SCORES = arrays(
    np.float32,
    st.integers(0, 80),
    elements=st.floats(0, 1e6, width=32) | st.sampled_from([0.0, 1.0]),
)


def uniforms(correlation, windows=WINDOWS, seeds=SEEDS):
    """Uniform values (seeds, windows) from a Gaussian autoregression."""
    noise = np.random.default_rng(3).standard_normal((windows, seeds))
    for step in range(1, windows):
        noise[step] *= math.sqrt(1 - correlation**2)
        noise[step] += correlation * noise[step - 1]
    return np.vectorize(math.erfc)(noise.T / math.sqrt(2)) / 2


def true_rate(calibrator, quantile, level=LEVEL):
    """How often a normal window truly falls at or below p = `level`."""
    chance = np.logspace(-1, -15, 700)
    p = calibrator.p_value(quantile(chance))
    return np.append(chance, 0.0)[np.searchsorted(-p, -level)]


def typical(windows):
    """Exponential scores without chance: the quantiles themselves, in a fixed shuffled order."""
    places = (np.arange(windows) + 0.5) / windows
    return -np.log(np.random.default_rng(1).permutation(places))


@pytest.mark.parametrize("correlation", [0.0, 0.8], ids=["independent", "autocorrelated"])
@pytest.mark.parametrize("law", QUANTILES)
def test_rare_p_value_is_as_rare_as_it_says(law, correlation):
    """A p-value of 1e-4 from 2000 windows comes 0.1 to 3 times that often, over 100 seeds."""
    quantile = QUANTILES[law]
    fits = [Calibrator.fit(quantile(u)) for u in uniforms(correlation)]
    rate = np.mean([true_rate(fit, quantile) for fit in fits]) / LEVEL
    assert 0.1 <= rate <= 3.0


@pytest.mark.parametrize("law", QUANTILES)
def test_body_is_uniform(law):
    """Fresh normal windows have uniform p-values."""
    u = uniforms(0.0, seeds=20)
    quantile = QUANTILES[law]
    p = np.concatenate(
        [Calibrator.fit(quantile(a)).p_value(quantile(b)) for a, b in zip(u, u[::-1], strict=True)]
    )
    for level in (0.9, 0.5, 0.2, 0.1, 0.05):
        assert np.mean(p <= level) == pytest.approx(level, rel=0.1)


@pytest.mark.parametrize("windows", [6, 30, 100])
def test_few_windows_are_not_overstated(windows):
    """With few windows p <= 1e-3 is at most ten times too frequent, for an exponential law."""
    fits = [Calibrator.fit(-np.log(u)) for u in uniforms(0.0, windows, 400)]
    rate = np.mean([true_rate(fit, QUANTILES["exponential"], 1e-3) for fit in fits])
    assert rate <= 1e-2


@given(SCORES, arrays(np.float64, 20, elements=st.floats(-1e9, 1e9)))
def test_p_value_is_a_probability_that_never_rises_with_the_score(scores, values):
    """For any scores to learn from: in (0, 1], and not rising."""
    p = Calibrator.fit(scores).p_value(np.sort(values))
    assert np.all((p > 0.0) & (p <= 1.0))
    assert np.all(np.diff(p) <= 0.0)


@given(SCORES, SCORES)
def test_pooled_prior_keeps_the_promises(scores, pooled):
    """With any pooled prior too, p-values are probabilities and not rising."""
    calibrator = Calibrator.fit(scores, prior=Calibrator.fit(pooled))
    p = calibrator.p_value(np.linspace(-10, 2e6, 300))
    assert np.all((p > 0.0) & (p <= 1.0))
    assert np.all(np.diff(p) <= 0.0)


def test_body_and_tail_meet():
    """There is no jump at the joint."""
    calibrator = Calibrator.fit(np.random.default_rng(0).standard_exponential(2000))
    joint = calibrator.fit_report().joint
    below, above = calibrator.p_value(np.array([joint - 1e-6, joint + 1e-6]))
    assert below == pytest.approx(above, rel=1e-3)


def test_nothing_known_nothing_strange():
    """Without data and prior every p-value is 1."""
    assert np.all(Calibrator.fit(np.empty(0)).p_value(np.array([0.0, 1e9])) == 1.0)


def test_six_windows_leave_a_wild_score_strange_but_not_absurdly():
    """From six windows: twice the usual is ordinary, 100 times is rare, nothing is impossible."""
    calibrator = Calibrator.fit(np.array([1.8, 2.1, 2.4, 1.9, 2.2, 2.0]))
    twice, wild, absurd = calibrator.p_value(np.array([4.0, 200.0, 1e9]))
    assert twice > 1e-3
    assert 1e-7 < wild < 1e-4
    assert absurd > 1e-9


def test_more_windows_are_surer():
    """The same wild score is rarer the more normal windows were seen."""
    sizes = (6, 60, 500, 2000)
    p = [Calibrator.fit(typical(n)).p_value(np.array([20.0]))[0] for n in sizes]
    assert p == sorted(p, reverse=True)


def test_extremes_keep_their_order():
    """Even far below what is believed, a stranger score has the smaller p-value."""
    calibrator = Calibrator.fit(np.random.default_rng(0).standard_normal(500))
    p = calibrator.p_value(np.array([1e2, 1e3, 1e4, np.inf]))
    assert np.all(np.diff(p) < 0.0)


def test_unknown_score_has_unknown_p_value():
    """NaN in, NaN out; and NaN teaches nothing."""
    calibrator = Calibrator.fit(np.array([1.0, np.nan, 2.0, 3.0]))
    assert np.isnan(calibrator.p_value(np.array([np.nan]))[0])
    assert calibrator.fit_report().windows == 3


def test_constant_scores_make_a_different_one_strange():
    """A detector that always said 0 and then says 5 is heard."""
    calibrator = Calibrator.fit(np.zeros(2000, np.float32))
    usual, strange = calibrator.p_value(np.array([0.0, 5.0]))
    assert usual == 1.0
    assert strange < 1e-3


def test_new_entity_borrows_the_pool():
    """Without windows of its own an entity has the pool's p-values."""
    pool = Calibrator.fit(np.random.default_rng(0).standard_exponential(3000))
    scores = np.linspace(0, 6, 50)
    assert np.allclose(
        Calibrator.fit(np.empty(0), prior=pool).p_value(scores), pool.p_value(scores)
    )


def test_own_windows_outweigh_the_pool():
    """An entity noisier than the pool is judged by its own windows once it has 500."""
    noisy = Calibrator.fit(4.0 * typical(500), prior=Calibrator.fit(typical(3000)))
    chance = np.array([0.5, 0.1, 0.01, 1e-3])
    p = noisy.p_value(-4.0 * np.log(chance))
    assert np.all((p > chance / 3) & (p < chance * 3))


def test_pool_keeps_few_windows_honest():
    """With a pool, p <= 1e-3 from six windows is no more frequent than it says, but not never."""
    pool = Calibrator.fit(typical(3000))
    fits = [Calibrator.fit(-np.log(u), prior=pool) for u in uniforms(0.0, 6, 200)]
    rate = np.mean([true_rate(fit, QUANTILES["exponential"], 1e-3) for fit in fits])
    assert 1e-6 < rate <= 1e-3


def test_runs_count_as_one_cluster():
    """Exceedances that follow each other are one piece of evidence."""
    scores = np.random.default_rng(0).random(1000)
    scores[100:120] = 5.0 + np.arange(20)
    report = Calibrator.fit(scores).fit_report()
    assert (report.exceedances, report.clusters) == (20, 1)
    assert report.extremal_index == 0.05


def test_report_tells_a_tail_that_fits_from_one_that_does_not():
    """An exponential tail fits; two far lumps do not."""
    rng = np.random.default_rng(0)
    scores = rng.standard_exponential(2000)
    assert Calibrator.fit(scores).fit_report().fits
    scores[::50] = np.where(np.arange(40) % 2 == 0, 50.0, 51.0)
    assert not Calibrator.fit(scores).fit_report().fits


def test_saved_calibrator_is_identical():
    """Through arrays and JSON the p-values stay the same to the bit."""
    calibrator = Calibrator.fit(np.random.default_rng(0).standard_exponential(300))
    saved = calibrator.save()
    loaded = Calibrator.load(Saved(saved.arrays, json.loads(json.dumps(dict(saved.meta)))))
    scores = np.linspace(0, 100, 500)
    assert np.array_equal(loaded.p_value(scores), calibrator.p_value(scores))
    assert loaded.fit_report() == calibrator.fit_report()


@pytest.mark.parametrize(
    "scores", [np.zeros((2, 2)), np.array([1.0, np.inf])], ids=["matrix", "infinite"]
)
def test_wrong_scores_are_refused(scores):
    """A matrix or an infinite score is a ModelError."""
    with pytest.raises(ModelError):
        Calibrator.fit(scores)
