"""The NAB score, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.bench.detectors.nab import Series, best_threshold, nab_score, probation


def series(*reported, windows=((400, 499), (700, 799)), rows=1000):
    """A file in which the rows `reported` score 1 and all others 0."""
    score = np.zeros(rows)
    score[list(reported)] = 1.0
    return Series(score, windows)


def test_nothing_reported_scores_zero_and_all_at_once_a_hundred():
    """The two ends of the scale."""
    assert nab_score([series()], 0.5) == pytest.approx(0.0)
    assert nab_score([series(400, 700)], 0.5) == pytest.approx(100.0)


def test_earlier_is_better_and_once_is_enough():
    """Half-way into a window earns 0.84828 / 0.98661; a second report of it adds nothing."""
    late = nab_score([series(450, 700)], 0.5)
    assert late == pytest.approx(100 * (0.84828 / 0.98661 + 1 + 2) / 4, abs=0.01)
    assert nab_score([series(450, 480, 700)], 0.5) == pytest.approx(late)


def test_false_reports_cost_by_their_distance():
    """Long before any window a report costs 0.11; right behind one hardly anything."""
    assert nab_score([series(300, 400, 700)], 0.5) == pytest.approx(100 - 100 * 0.11 / 4)
    assert 99.5 < nab_score([series(400, 500, 700)], 0.5) < 100.0


def test_probation_does_not_count():
    """What is reported while learning costs nothing, and a window within it is none."""
    assert probation(1000) == 150
    assert probation(20_000) == 750
    early = series(10, 149, 400, windows=((20, 80), (400, 499)))
    assert nab_score([early], 0.5) == pytest.approx(100.0)


def test_one_threshold_for_all_files():
    """The best threshold is chosen over files together."""
    quiet, loud = series(400, 700), series(400, 700)
    loud.score[200:390] = 0.6
    assert best_threshold([quiet, loud]) == 1.0
