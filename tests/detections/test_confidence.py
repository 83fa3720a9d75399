"""Severity follows a calibrated confidence, and a p-value is not taken for one."""

import numpy as np
import pytest

from boxwatch.detections import Severity
from boxwatch.detections.confidence import confidence_of, severity
from boxwatch.errors import ModelError


@pytest.mark.parametrize(
    ("confidence", "level"),
    [
        (0.0, Severity.LOW),
        (0.5, Severity.LOW),
        (0.51, Severity.MEDIUM),
        (0.7, Severity.MEDIUM),
        (0.71, Severity.HIGH),
        (0.9, Severity.HIGH),
        (0.91, Severity.CRITICAL),
        (1.0, Severity.CRITICAL),
    ],
)
def test_severity_by_confidence(confidence, level):
    """Above .9 critical, above .7 high, above .5 medium, else low."""
    assert severity(confidence) is level


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), 38.0])
def test_what_is_no_confidence_is_refused(wrong):
    """A raw score is an error that says what to do, not a critical alarm."""
    with pytest.raises(ModelError, match="from 0 to 1") as caught:
        severity(wrong)
    assert "Calibrat" in caught.value.hint


@pytest.mark.parametrize("wrong", [-1.0, 2.0, float("nan")])
def test_p_values_and_shares_are_checked(wrong):
    """Neither may be outside of 0 to 1."""
    for arguments in ((wrong, 0.5), (0.5, wrong)):
        with pytest.raises(ModelError, match="from 0 to 1"):
            confidence_of(*arguments)


def test_smaller_p_values_give_more_confidence():
    """It never falls as the p-value does, from nearly the share of faults to nearly 1."""
    found = [confidence_of(p, 0.01) for p in (*np.geomspace(1.0, 1e-12, 200), 0.0)]
    assert (np.diff(found) >= 0.0).all()
    assert found[0] == pytest.approx(0.01)
    assert found[-1] > 0.999


def test_one_in_a_thousand_is_no_proof():
    """Where one window in a hundred is faulty, p = .001 gives about a third."""
    assert confidence_of(0.001, 0.01) == pytest.approx(0.35, abs=0.02)


def test_no_confidence_is_promised_that_is_not_there():
    """Whatever faults do to p-values, at most that share of windows with such a p are faults."""
    rng = np.random.default_rng(0)
    fault = rng.random(400_000) < 0.05
    for strength in (0.05, 0.2, 0.5):
        p = np.where(fault, rng.random(len(fault)) ** (1.0 / strength), rng.random(len(fault)))
        some = (p > 0.0009) & (p < 0.0011)
        assert fault[some].mean() <= confidence_of(0.001, 0.05) + 0.03


def test_where_nothing_is_ever_faulty_nothing_is():
    """A share of 0 stays 0, one of 1 stays 1."""
    assert confidence_of(0.0, 0.0) == 0.0
    assert confidence_of(0.5, 1.0) == 1.0
