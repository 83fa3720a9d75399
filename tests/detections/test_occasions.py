"""Alarms of a table by its budget: what counts as one occasion, and what unnoticed faults do."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.detections.occasions import Occasions
from boxwatch.models import SPAN

DAY = 1440


def ordinary(rows, seed):
    """Scores of ordinary rows about 1, each like the one before it."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.standard_normal(rows + SPAN), np.ones(SPAN) / np.sqrt(SPAN), "valid")
    return np.exp(0.3 * noise[:rows]).astype(np.float32)


def occasions(alarm):
    """Runs of alarms, at most a row's look back apart."""
    return int((np.diff(np.flatnonzero(alarm), prepend=-2 * SPAN) > SPAN).sum())


@pytest.mark.parametrize("budget", [1.0, 3.0])
def test_the_budget_counts_occasions(budget):
    """On ordinary rows there are about as many occasions as were allowed, not half as many."""
    days = 60
    alarm = Occasions.fit(ordinary(40 * DAY, 0), SPAN).alarms(ordinary(days * DAY, 1), budget, 60.0)
    assert 0.5 * budget * days <= occasions(alarm) <= 2.0 * budget * days


def test_one_excursion_counts_once_wherever_it_stands():
    """A long excursion does not count twice because it began late in a stretch."""
    counts = set()
    for begin in range(0, SPAN, 8):
        scores = ordinary(20 * DAY, 2)
        scores[5000 + begin : 5000 + begin + SPAN // 2] = 50.0
        alarm = Occasions.fit(scores, SPAN).alarms(ordinary(DAY, 3) + 4.0, 0.05, 60.0)
        counts.add(int(alarm.sum()))
    assert len(counts) == 1


def test_faults_in_training_do_not_silence_others():
    """One unnoticed fault a day in training lifts no threshold over faults of its kind."""
    scores, test = ordinary(20 * DAY, 4), ordinary(2 * DAY, 5)
    for day in range(20):
        scores[day * DAY + 700 : day * DAY + 720] = 30.0
    test[1000:1010] = 20.0
    assert Occasions.fit(scores, SPAN).alarms(test, 1.0, 60.0)[1000:1010].all()


def test_a_lasting_shift_is_measured_by_itself():
    """Where scores are five times as high for good, the budget still holds after a day."""
    model = Occasions.fit(ordinary(40 * DAY, 6), SPAN)
    alarm = model.alarms(5.0 * ordinary(30 * DAY, 7), 1.0, 60.0)
    assert alarm[:200].any()
    assert occasions(alarm[DAY:]) <= 2 * 30


def test_no_budget_is_no_alarm():
    """With nothing allowed there is no alarm, however strange a row is."""
    alarm = Occasions.fit(ordinary(DAY, 8), SPAN).alarms(np.full(10, 1e9, np.float32), 0.0, 60.0)
    assert not alarm.any()


def test_constant_scores_are_survived():
    """Where all held-out rows score alike, a higher score is an alarm and the same one is none."""
    model = Occasions.fit(np.ones(2000, np.float32), 1)
    alarm = model.alarms(np.array([1.0] * 200 + [9.0], np.float32), 1.0, 60.0)
    assert alarm.tolist() == [False] * 200 + [True]


def test_saved_it_says_the_same():
    """Alarms after a save and a load are those before it."""
    model, test = Occasions.fit(ordinary(5 * DAY, 9), SPAN), ordinary(DAY, 10) * 2.0
    again = Occasions.load(model.save())
    assert np.array_equal(model.alarms(test, 5.0, 60.0), again.alarms(test, 5.0, 60.0))
