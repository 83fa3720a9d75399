"""Views judged by how their readings run, too: the same path, with the rows before each window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.detections import made

from boxwatch.detections import COMBINED, ViewScorer
from boxwatch.detections.history import History
from boxwatch.detections.learning import fit
from boxwatch.detections.past import Past
from boxwatch.models import SPAN

ENTITIES = ("host", "other")
COUNT = 3000


def waves(count, seed=1):
    """Load that goes up and down within two minutes, memory with it; rows of two machines."""
    x = made.ordinary(count, seed=seed)
    turn = np.sin(2 * np.pi * (np.arange(count) // 2) / 24)
    x[:, 0] += 0.1 * turn
    x[:, 3] += 0.1 * turn
    return x


def scorer() -> ViewScorer:
    """A scorer of two machines that has been watching for two hours."""
    return ViewScorer(made.SMALL, baseline_s=3600 * 1.9, courses=True)


@pytest.fixture(scope="module")
def taught() -> dict[str, object]:
    """What a scorer has learned, at rest."""
    one = scorer()
    one.add(made.windows(waves(COUNT), entities=ENTITIES))
    assert one.model is not None
    assert "course" in one.model.detectors
    return one.save()


def again(saved: dict[str, object]) -> ViewScorer:
    """A scorer that took up what was saved."""
    one = scorer()
    one.load(saved)
    return one


def later(x):
    """Windows that come right after the lesson."""
    return made.windows(x, first=COUNT // 2, entities=ENTITIES)


def test_turns_play_no_part(taught):
    """One turn, or many of any length, give the same scores to the bit."""
    frame = later(waves(400, seed=2))
    whole = again(taught).add(frame)
    one, parts, start = again(taught), [], 0
    for length in [1, 2, 3, 5, 64, 40, 1, 84, 200]:
        parts.append(one.add(frame.slice(start, length)))
        start += length
    order = ["start", "entity", "detector"]
    assert_frame_equal(pl.concat(parts).sort(order), whole.sort(order), check_exact=True)


def test_a_course_that_stops_is_heard(taught):
    """Load that stays a little up is within every range, and not how it runs."""
    x = waves(400, seed=2)
    x[200:, 0] = 0.25
    found = again(taught).add(later(x)).filter(pl.col("start") > made.at(COUNT // 2 + 140))
    by_name = dict(found.group_by("detector").agg(pl.col("p_value").median()).iter_rows())
    assert by_name["course"] < 1e-2
    assert by_name["robust_z"] > 0.02


def test_contributions_are_of_features_and_sum_to_the_score(taught):
    """Over all scales a feature's parts are one, and all of them the raw score."""
    model = again(taught).model
    assert model is not None
    x, who = waves(50, seed=3), np.arange(50) % 2
    stretches = Past(4, 1e9).follow(x, who, np.zeros(50, int))
    seen = model.see(x, who, stretches)
    parts = model.shares("course", seen, np.arange(50))
    assert parts.shape == x.shape
    assert parts.sum(axis=1) == pytest.approx(model.score(seen)[0]["course"], rel=1e-4)


def test_the_first_windows_of_an_entity_are_no_stranger(taught):
    """A machine that has just come is not strange for the want of a past."""
    one = again(taught)
    fresh = made.windows(waves(60, seed=4)[:60], first=COUNT // 2, entities=["new", "newer"])
    scores = one.add(fresh).filter(pl.col("detector") == "course")
    assert (scores["p_value"] > 1e-3).mean() > 0.95


def test_a_missing_window_begins_a_course_anew(taught):
    """What came before a pause plays no part in what comes after it."""
    x, pause = waves(40, seed=5), COUNT // 2 + 10
    after = made.windows(x, first=pause, entities=ENTITIES)
    one, other = again(taught), again(taught)
    one.add(later(made.ordinary(8)))
    pair = [each.add(after).filter(pl.col("detector") == "course") for each in (one, other)]
    assert_frame_equal(*pair, check_exact=True)


def test_a_checkpoint_of_an_older_version_is_taken_up(taught):
    """Its model is fitted anew from the windows it remembers; nothing waits for a baseline."""
    model = taught["model"]
    old = {name: value for name, value in taught.items() if name != "past"}
    meta = {name: value for name, value in model.meta.items() if name != "format"}
    one = again({**old, "model": type(model)(model.arrays, meta)})
    scores = one.add(later(waves(2)))
    assert set(scores.filter(pl.col("p_value") < 1e-6)["detector"]) == set()
    assert (scores["detector"] == COMBINED).sum() == 2


def test_a_checkpoint_of_a_view_with_other_features_begins_anew(taught):
    """Nothing of it fits: the baseline is learned again, and nothing fails."""
    history = taught["history"]
    other = {**history, "x": history["x"][:, :2]}
    one = again({**taught, "history": other})
    assert one.model is None
    assert one.add(later(waves(2))).is_empty()


def test_a_thinned_history_still_shows_how_windows_follow():
    """What is left of the older half are stretches long enough to be learned from."""
    history = History(1, capacity=4000)
    count = 6000
    x = np.arange(count, dtype=np.float32)[:, None]
    history.add(x, np.zeros(count, np.int32), np.arange(count))
    history.thin()
    kept, who, start = history.rows()
    assert len(kept) <= 4000
    known = Past(1, 1.5).follow(kept.astype(float), who, start).known
    assert (known[: len(kept) // 2] == SPAN - 1).mean() > 0.5


def test_short_of_whole_courses_nobody_judges_them():
    """Windows with a pause between any two say nothing of how they run: the others judge alone."""
    x = waves(3000)
    start = np.arange(3000) * 60_000_000
    model = fit(made.SMALL, x, np.zeros(3000, int), ["box\0host"], 0, start, courses=True)
    assert "course" not in model.detectors
    assert not model.in_context
