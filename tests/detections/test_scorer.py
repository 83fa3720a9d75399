"""The scorer learns as it goes, whatever the turns, and not from what is strange."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.detections import made

from boxwatch.detections import COMBINED, SCORES, ViewScorer
from boxwatch.models import threshold

HOUR = 3600 // made.STEP_S
ALPHA = threshold(1.0, made.STEP_S, 1.0)  # one false alarm a week


def scorer() -> ViewScorer:
    """A scorer that learns for half a minute."""
    return ViewScorer(made.SMALL, baseline_s=30)


def combined(scores: pl.DataFrame) -> pl.DataFrame:
    """The rows that decide, by time."""
    return scores.filter(pl.col("detector") == COMBINED).sort("start", "entity")


def with_fault(values, start, end, feature=0, value=0.95):
    """`values` with one feature far away from window `start` to `end`."""
    changed = values.copy()
    changed[start:end, feature] = value
    return changed


def test_nothing_is_scored_before_the_baseline_time_is_over():
    """Thirty seconds teach what is usual; every window after them has its scores."""
    scored = combined(scorer().add(made.windows(made.ordinary(40))))
    assert scored["start"].to_list() == [made.at(window) for window in range(6, 40)]


def test_an_empty_frame_is_scored_as_one():
    """No windows are no scores, with the declared columns."""
    none = scorer().add(made.windows(made.ordinary(0)))
    assert none.is_empty()
    assert dict(none.schema) == dict(SCORES)


def test_it_says_when_it_will_be_ready():
    """Half a minute after the first window; once there is a model, nothing is waited for."""
    one = scorer()
    assert one.ready_at() is None
    one.add(made.windows(made.ordinary(2)))
    assert one.ready_at() == made.at(6)
    one.add(made.windows(made.ordinary(6), first=2))
    assert one.ready_at() is None


def test_it_learns_at_set_ages():
    """A new model after 30 s, 1, 2, 5, 10, 20, 30, 45 and 60 minutes, then every hour."""
    scored = combined(scorer().add(made.windows(made.ordinary(2 * HOUR + 10))))
    versions = scored.group_by("model_version").agg(pl.col("start").min())["start"].sort()
    ages = [(start - made.START).total_seconds() for start in versions]
    assert ages == [30, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 7200]


@settings(max_examples=6, deadline=None)
@given(st.sets(st.integers(1, 1899), max_size=30))
def test_scores_do_not_depend_on_turns(cuts):
    """However the same windows are cut into turns, the scores are bit-identical."""
    whole = made.windows(with_fault(made.ordinary(1900), 1400, 1500), entities=("host", "host2"))
    turns = scorer()
    parts = [turns.add(whole[low:high]) for low, high in pairwise([0, *sorted(cuts), 1900])]
    key = ["start", "entity", "detector"]
    assert_frame_equal(pl.concat(parts).sort(key), scorer().add(whole).sort(key), check_exact=True)


@pytest.mark.parametrize("cut", [3, 200, 1450])
def test_saved_and_loaded_it_goes_on(cut):
    """Before the first model, in quiet times, within a strange stretch: as if it never stopped."""
    whole = made.windows(with_fault(made.ordinary(1900), 1400, 1500))
    first, second, alone = scorer(), scorer(), scorer()
    parts = [first.add(whole[:cut])]
    second.load(first.save())
    parts.append(second.add(whole[cut:]))
    undisturbed = [alone.add(whole[:cut]), alone.add(whole[cut:])]
    assert_frame_equal(pl.concat(parts), pl.concat(undisturbed), check_exact=True)


@pytest.mark.parametrize("feature", [0, 1, 2])
def test_a_far_excursion_is_beyond_the_budget_and_named(feature):
    """One feature far from its usual value: below the threshold, and first in the explanation."""
    values = with_fault(made.ordinary(HOUR + 20), HOUR, HOUR + 20, feature, 9.0)
    strange = combined(scorer().add(made.windows(values))).tail(20)
    assert strange["p_value"].max() < ALPHA
    for text in strange["contributions"]:
        parts = json.loads(text)
        assert parts[0]["feature"] == made.SMALL.columns[feature]
        assert parts[0]["share"] > 0.5


def test_what_is_context_is_no_finding_by_itself():
    """A card that is simply busy is not strange, however far from its usual."""
    values = with_fault(made.ordinary(HOUR // 2 + 20), HOUR // 2, HOUR // 2 + 20, 3, 1.0)
    assert combined(scorer().add(made.windows(values))).tail(20)["p_value"].min() > ALPHA


def test_ordinary_windows_stay_within_the_budget():
    """Four hours like the first one: nothing comes near the threshold."""
    p = combined(scorer().add(made.windows(made.ordinary(4 * HOUR))))["p_value"]
    assert p.min() > 10 * ALPHA


def test_ordinary_windows_carry_no_explanation():
    """Contributions are for the windows somebody may ask about."""
    scored = combined(scorer().add(made.windows(made.ordinary(200))))
    plain = scored.filter(pl.col("p_value") > 1e-3)
    assert plain["contributions"].null_count() == plain.height > 0


def test_an_unknown_value_is_no_excursion():
    """A reading that turned unknown says nothing about its feature, and the score stays finite."""
    values = with_fault(made.ordinary(HOUR // 2), HOUR // 2 - 20, HOUR // 2, 0, np.nan)
    last = scorer().add(made.windows(values)).filter(pl.col("start") >= made.at(HOUR // 2 - 20))
    assert last["raw"].is_finite().all()
    assert last["p_value"].min() > ALPHA


def test_a_fault_is_not_learned_from():
    """Ten minutes of a fault, two hours later the same again: as strange as the first time."""
    values = with_fault(made.ordinary(4 * HOUR), HOUR, HOUR + 120)
    values = with_fault(values, 3 * HOUR + 120, 3 * HOUR + 240)
    raw = scorer().add(made.windows(values)).filter(pl.col("detector") == "robust_z")["raw"]
    offset = 4 * HOUR - len(raw)
    once = raw[HOUR - offset : HOUR + 120 - offset].median()
    again = raw[3 * HOUR + 120 - offset : 3 * HOUR + 240 - offset].median()
    assert again > 0.8 * once


def test_a_lasting_change_becomes_normal():
    """A machine that does something else from now on is strange at first, not for ever."""
    values = with_fault(made.ordinary(10 * HOUR), HOUR, 10 * HOUR, 0, 0.95)
    p = combined(scorer().add(made.windows(values)))["p_value"]
    assert p[HOUR : HOUR + 60].max() < 1e-3
    assert p.tail(HOUR).min() > 1e-3


def test_an_entity_that_was_not_there_at_the_fit_is_judged_by_the_pool():
    """A second host of the same kind needs no model of its own to be ordinary or strange."""
    one = scorer()
    one.add(made.windows(made.ordinary(HOUR + 1)))
    usual = combined(one.add(made.windows(made.ordinary(5), first=HOUR + 1, entities=("new",))))
    assert usual["p_value"].min() > ALPHA
    strange = made.windows(made.ordinary(3) + 50.0, first=HOUR + 6, entities=("new",))
    assert combined(one.add(strange))["p_value"].max() < ALPHA


def test_a_first_run_of_seconds_does_not_stop_the_next():
    """Two windows, then an hour away: too little to learn from, so it goes on learning."""
    one = scorer()
    one.add(made.windows(made.ordinary(2)))
    assert one.add(made.windows(made.ordinary(5), first=HOUR)).is_empty()
    assert not one.add(made.windows(made.ordinary(30), first=HOUR + 5)).is_empty()


def test_after_a_pause_it_learns_once():
    """Ten years away, or a clock that says so, cost one fit and not a fit for every four hours."""
    one = scorer()
    one.add(made.windows(made.ordinary(2 * HOUR)))
    scored = combined(one.add(made.windows(made.ordinary(2 * HOUR), first=10 * 8766 * HOUR)))
    assert scored["model_version"].n_unique() <= 3
    assert scored["p_value"].min() > ALPHA


def test_a_model_trained_meanwhile_takes_over_at_the_next_start():
    """What was learned while watching goes on, until somebody trains a model and starts again."""
    watched, other = scorer(), scorer()
    watched.add(made.windows(made.ordinary(HOUR)))
    other.add(made.windows(made.ordinary(200, seed=9)))
    trained = other.model
    again = ViewScorer(made.SMALL, baseline_s=30, model=trained)
    again.load(watched.save())
    scored = combined(again.add(made.windows(made.ordinary(HOUR), first=HOUR)))
    assert set(scored["model_version"]) == {trained.version}
    restarted = ViewScorer(made.SMALL, baseline_s=30, model=trained)
    restarted.load(again.save())
    later = made.windows(made.ordinary(24 * HOUR), first=2 * HOUR)
    assert_frame_equal(restarted.add(later), again.add(later), check_exact=True)
    assert restarted.model.version != trained.version
