"""Rows in their temporal context, and the detectors that need them."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.models import (
    CONTEXT_DETECTORS,
    SCALES,
    SPAN,
    Course,
    Mahalanobis,
    Nearest,
    checks,
    in_context,
    per_feature,
    run_in_context,
)


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("detector", CONTEXT_DETECTORS.values(), ids=list(CONTEXT_DETECTORS))
def test_detector_keeps_promise(detector, check):
    """Each detector passes each check of the suite."""
    check(detector)


def rows(count=200, features=3, seed=0):
    """Independent readings."""
    return np.random.default_rng(seed).standard_normal((count, features)).astype(np.float32)


def stretches(x):
    """Each row from number `SPAN` - 1 on, with those before it."""
    return np.stack([x[at - SPAN + 1 : at + 1] for at in range(SPAN - 1, len(x))])


def test_rows_of_a_run_are_as_each_alone_with_its_past():
    """Both ways to put rows in context give the same bits, and a row alone those of a batch."""
    x = rows()
    x[50, 1] = np.nan
    whole = in_context(stretches(x))
    assert np.array_equal(run_in_context(x), whole)
    assert np.array_equal(in_context(stretches(x)[77:78])[0], whole[77])


def test_scales_sum_to_the_row_and_span_the_past():
    """The parts sum to the row, and the coarsest is the mean of the last `SPAN` rows."""
    x = rows()
    parts = run_in_context(x).reshape(-1, SCALES, 3)
    assert parts.sum(axis=1) == pytest.approx(x[SPAN - 1 :], abs=1e-5)
    assert parts[100 - SPAN + 1, 0] == pytest.approx(x[101 - SPAN : 101].mean(axis=0), abs=1e-5)


def test_unknown_is_usual_and_no_rows_are_none():
    """NaN counts as 0; no stretches are no rows."""
    x = rows()
    x[3, 1] = np.nan
    assert np.array_equal(run_in_context(x), run_in_context(np.nan_to_num(x)))
    assert in_context(stretches(x)[:0]).shape == (0, 3 * SCALES)


def test_shares_are_summed_per_feature():
    """Contributions of one feature at all scales are its own."""
    shares = np.tile(np.array([1.0, 2.0, 4.0], np.float32), (2, SCALES))
    assert per_feature(shares).tolist() == [[6.0, 12.0, 24.0]] * 2


def test_mahalanobis_hears_features_that_part_ways():
    """Two features that move together score high when one alone moves, each within its range."""
    cause = rows(2000, 1)
    x = np.hstack([cause, cause, rows(2000, 1, seed=1)]) + 0.05 * rows(2000, 3, seed=2)
    model = Mahalanobis()
    model.fit(x.astype(np.float32), 0)
    together, apart = model.score(np.array([[1.5, 1.5, 0.0], [1.5, -1.5, 0.0]], np.float32))
    assert apart > 3 * together


def test_nearest_takes_a_bend_for_what_it_is():
    """The middle of a ring was never seen: it is stranger than any place on the ring."""
    turn = np.linspace(0.0, 6.28, 1000)
    ring = np.column_stack([np.cos(turn), np.sin(turn)]).astype(np.float32)
    model = Nearest()
    model.fit(ring, 0)
    assert model.score(np.zeros((1, 2), np.float32))[0] == pytest.approx(1.0, abs=1e-3)
    assert float(model.score(ring).max()) < 0.05


def test_nearest_remembers_a_bounded_number_of_rows():
    """However many rows came, no more than `memory` are kept."""
    model = Nearest(memory=50)
    model.fit(rows(500), 0)
    assert len(model.save().arrays["rows"]) == 50


def test_course_is_loud_where_both_members_are():
    """What is far from the middle and from every remembered row is strangest; both explain it."""
    x = rows(1000)
    model = Course()
    model.fit(x, 0)
    probe = np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]], np.float32)
    near, far = model.score(probe)
    assert far > 5 * near
    assert model.contributions(probe)[1].argmax() == 1
