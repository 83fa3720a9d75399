"""The figures of accuracy: worked by hand, and against the reference's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.bench.detectors.recall import (
    chance,
    event_recall,
    explained,
    false_alarms_per_day,
)
from boxwatch.bench.detectors.volume import events, period, vus_pr


def labelled(rows=600):
    """Three events, one at the very end, and a score that half follows them."""
    rng = np.random.default_rng(4)
    label = np.zeros(rows, bool)
    for start, end in ((50, 80), (300, 303), (570, rows)):
        label[start:end] = True
    return np.round(rng.random(rows) + 0.7 * label, 2), label


@pytest.mark.parametrize(
    ("window", "want"),
    [
        (0, 0.8385222039983702),
        (10, 0.8547090854113457),
        (100, 0.9022250708627917),
    ],
)
def test_vus_pr_is_the_references(window, want):
    """`generate_curve` of TSB-AD 1.5 (version opt, thre 250) gives these figures."""
    assert vus_pr(*labelled(), window) == pytest.approx(want, rel=1e-9)


def test_perfect_score_has_vus_pr_of_one_without_slopes():
    """A score that is the label finds all, and nothing else."""
    label = labelled()[1]
    assert vus_pr(label.astype(float), label, 0) == pytest.approx(1.0)


def test_constant_score_finds_nothing_but_the_share():
    """A detector that says the same of all rows is as good as the share of anomalies."""
    label = labelled()[1]
    assert vus_pr(np.ones(len(label)), label, 0) == pytest.approx(label.mean())


def test_period_of_a_daily_course():
    """The highest peak of the autocorrelation is found; without one it is 125."""
    assert period(np.sin(np.arange(4000) * 2 * np.pi / 50)) == 50
    assert period(np.ones(4000)) == 125
    assert period(np.arange(4000.0)) == 125


def test_events_are_stretches_of_labels():
    """First and last row of each, at the edges too."""
    assert events(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 1), (3, 3), (6, 6)]
    assert events(np.zeros(3, bool)) == []


def test_recall_counts_events_not_rows():
    """One alarm within an event finds it; one beside it does not."""
    label, alarm = np.zeros((2, 100), bool)
    label[10:20] = label[50:60] = True
    alarm[19] = alarm[49] = True
    assert event_recall(alarm, label) == (1, 2)


def test_false_alarms_are_occasions_and_hours():
    """Alarms near each other are one, a long one counts every hour, those in events none."""
    label, alarm = np.zeros((2, 1540), bool)
    label[100:200] = True
    alarm[150] = alarm[300] = alarm[305] = True
    assert false_alarms_per_day(alarm, label, 60.0) == pytest.approx(1.0)
    alarm[400:521] = True
    assert false_alarms_per_day(alarm, label, 60.0) == pytest.approx(4.0)
    assert false_alarms_per_day(label, label, 60.0) == 0.0


def test_reasons_are_held_against_the_labelled_metrics():
    """An event that was found and whose first three metrics hold a labelled one is a hit."""
    label, alarm = np.zeros((2, 30), bool)
    label[5:10] = label[20:25] = True
    alarm[7] = True
    shares = np.tile(np.array([4, 3, 2, 1, 0], np.float32), (30, 1))
    truth = [(5, 9, frozenset({2})), (20, 24, frozenset({0}))]
    assert explained(shares, alarm, label, truth) == (1, 1)
    assert explained(shares, alarm, label, [(5, 9, frozenset({4}))]) == (0, 1)


def test_blind_chance_of_a_reason():
    """Three of five metrics hit one labelled in six of ten draws."""
    assert chance(5, [(0, 1, frozenset({0}))]) == pytest.approx([0.6])
    assert chance(5, [(0, 1, frozenset({0, 1, 2}))]) == pytest.approx([1.0])
