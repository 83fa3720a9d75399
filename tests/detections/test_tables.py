"""A table as a view of one entity: one score, one p-value, whatever the table is like."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.detections import LEAST_WINDOWS, alarms, fit_table, judge, load_view_model
from boxwatch.errors import ModelError
from boxwatch.models import Saved
from boxwatch.store import load_model, save_model


def server(rows, seed=0):
    """Four metrics of a server with a daily load: two follow it, one is noise, one is constant."""
    rng = np.random.default_rng(seed)
    load = 50 + 30 * np.sin(np.arange(rows) / 60) + 3 * rng.standard_normal(rows)
    other = 1e9 * (load + rng.standard_normal(rows))
    return np.column_stack([load, other, rng.standard_normal(rows), np.full(rows, 7.0)])


def test_fault_is_strangest_and_explained():
    """A metric that freezes where the others go on is found, and named first."""
    test = server(1000, seed=1)
    test[600:660, 1] = test[600, 1]
    judged = judge(fit_table(server(4000), 0), test)
    assert 600 <= int(judged.score.argmax()) < 700
    assert judged.p_value.min() < 1e-3
    assert judged.shares[630].argmax() in (0, 1)


def test_constant_metric_that_moves_is_heard():
    """A metric that never changed in training and does now is strange at once."""
    test = server(500, seed=1)
    test[300:, 3] = 9.0
    judged = judge(fit_table(server(4000), 0), test)
    assert judged.p_value[300] < judged.p_value[:300].min()
    assert judged.shares[300].argmax() == 3


def test_shares_sum_to_one_and_scores_are_finite():
    """Wild and unknown readings are survived; shares of a scored row sum to one."""
    test = server(300, seed=2)
    test[10, 0], test[11, 1], test[12] = 1e300, -1e300, np.nan
    judged = judge(fit_table(server(2000), 0), test)
    assert np.isfinite(judged.score).all()
    assert ((judged.p_value > 0) & (judged.p_value <= 1)).all()
    assert judged.shares.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-4)


def test_readings_that_vanish_are_heard():
    """Readings that were always there and are unknown now raise the score, and are the reason."""
    test = server(400, seed=1)
    test[200:, :3] = np.nan
    judged = judge(fit_table(server(4000), 0), test)
    assert judged.score[200:].min() > judged.score[:200].max()
    assert judged.shares[300].argmax() == 4


def test_budget_holds_on_normal_rows():
    """Alarms on normal rows come on about as many occasions as were allowed, or fewer."""
    model = fit_table(server(20_000), 0)
    score = judge(model, server(20_000, seed=5)).score
    alarm = alarms(model, score, 2.0, 60.0)
    occasions = int((np.diff(np.flatnonzero(alarm), prepend=-100) > 32).sum())
    assert occasions <= 2.0 * 2 * 20_000 / 1440


def test_alarms_never_rise_when_the_budget_falls():
    """A smaller budget alarms on a part of the same rows; none at all is no alarm."""
    model = fit_table(server(4000), 0)
    test = server(1000, seed=1)
    test[500:520, 2] = 40.0
    score = judge(model, test).score
    much, little, none = (alarms(model, score, budget, 60.0) for budget in (10.0, 0.1, 0.0))
    assert much[505]
    assert not (little & ~much).any()
    assert not none.any()


def test_budget_holds_at_the_beginning_of_tables():
    """The first rows, with few before them, are no alarms more often than those that follow."""
    rng = np.random.default_rng(0)
    model = fit_table(rng.normal(30.0, 1.0, (1440, 1)), 0)
    tables = [judge(model, rng.normal(30.0, 1.0, (40, 1))).score for _ in range(100)]
    assert sum(alarms(model, score, 1.0 / 7.0, 60.0).any() for score in tables) <= 2


def test_a_lasting_shift_is_no_alarm_for_ever():
    """A metric that moves for good is an alarm, later the new normal, and hides no other fault."""
    model, test = fit_table(server(8000), 0), server(8000, seed=1)
    test[2000:, 3] = 7.5
    test[7000:7030, 0] = 200.0
    alarm = alarms(model, judge(model, test).score, 1.0, 60.0)
    assert alarm[2000:2100].any()
    assert alarm[4000:7000].mean() < 0.01
    assert alarm[7000:7030].any()


def test_no_look_ahead():
    """The rows up to an instant are judged the same whatever comes after it."""
    model, test = fit_table(server(2000), 0), server(500, seed=3)
    whole, part = judge(model, test), judge(model, test[:200])
    assert part.score == pytest.approx(whole.score[:200], rel=1e-5)


def test_rows_in_pieces_are_as_in_one():
    """Judging piece by piece, each with the rows before it, gives the scores of the whole."""
    model, test = fit_table(server(2000), 0), server(300, seed=3)
    pieces = [judge(model, test[a : a + 7], test[:a]).score for a in range(7, 300, 7)]
    assert np.concatenate(pieces) == pytest.approx(judge(model, test).score[7:], rel=1e-5)


def test_three_rows_are_enough_for_an_opinion():
    """With the fewest rows a far value still scores above the seen ones, and nothing is zero."""
    model = fit_table(server(LEAST_WINDOWS), 0)
    test = server(LEAST_WINDOWS)
    test[1, 0] = 1e6
    judged = judge(model, test)
    assert not model.in_context
    assert judged.score.argmax() == 1
    assert (judged.score > 0).all()


@pytest.mark.parametrize("rows", [199, 200, 230, 300])
def test_few_rows_are_calibrated_by_what_judges_them(rows):
    """On either side of the least rows for context, ordinary rows score about 1."""
    judged = judge(fit_table(server(rows), 0), server(rows, seed=5))
    assert 0.3 < float(np.median(judged.score)) < 3.0


def test_too_few_rows_are_refused():
    """Two rows teach nothing."""
    with pytest.raises(ModelError, match="2 training rows"):
        fit_table(server(2), 0)


def test_saved_on_disk_it_is_the_same_model(tmp_path):
    """Scores, p-values, shares and alarms come out the same to the bit."""
    model, test = fit_table(server(1000), 0), server(300, seed=1)
    version = save_model(tmp_path, model.save())
    again = load_view_model(model.view, load_model(tmp_path, version))
    one, other = judge(model, test), judge(again, test)
    assert np.array_equal(one.score, other.score)
    assert np.array_equal(one.p_value, other.p_value)
    assert np.array_equal(one.shares, other.shares)
    budget = alarms(model, one.score, 50.0, 60.0)
    assert np.array_equal(budget, alarms(again, one.score, 50.0, 60.0))


@pytest.mark.parametrize("change", [{"format": 1}, {"features": ["load"]}])
def test_model_of_another_version_is_refused(change):
    """A model of an older format or with other features says what to do."""
    model = fit_table(server(50), 0)
    saved = model.save()
    with pytest.raises(ModelError, match="another version of Boxwatch") as refused:
        load_view_model(model.view, Saved(saved.arrays, {**saved.meta, **change}))
    assert "boxwatch train" in (refused.value.hint or "")
