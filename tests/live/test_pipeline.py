"""One path from events to incidents, whatever the turns and however often it stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.live import recorded

from boxwatch.events.schema import Events
from boxwatch.incidents import Incident
from boxwatch.live import Pipeline
from boxwatch.live.state import flatten, unflatten
from boxwatch.models import Saved
from boxwatch.store import pack, unpack


def rounded(incidents: dict[str, Incident]) -> dict[str, Incident]:
    """With p-values of nine digits: the mean of a window is rounded as its readings came."""
    return {
        name: replace(
            one,
            detections=tuple(
                replace(
                    found, p_value=None if found.p_value is None else float(f"{found.p_value:.9g}")
                )
                for found in one.detections
            ),
        )
        for name, one in incidents.items()
    }


def test_both_faults_are_found(recording, undisturbed):
    """Each one is an incident on what it hit, and there is no other."""
    found = {one.host: one for one in undisturbed.incidents.values()}
    assert len(found) == len(undisturbed.incidents) == 2
    for (fault,) in (truth.faults for truth in recording.truths):
        incident = found[fault.host]
        assert fault.entity in incident.entities
        assert incident.start < fault.end
        assert incident.end > fault.start


@pytest.mark.parametrize("every_s", [37.0, 6000.0])
def test_incidents_do_not_depend_on_turns(recording, undisturbed, every_s):
    """Cut into more turns, or all at once: the same incidents, word by word."""
    turns = recording.turns(every_s, until_s=6000.0)
    found = recorded.judged(Pipeline(), turns)
    assert rounded(found) == rounded(undisturbed.incidents)


def test_scores_do_not_depend_on_turns(recording):
    """They are the same, but for the rounding of one addition."""
    scores = []
    for every_s in (7.0, 490.0):
        pipeline = Pipeline()
        turns = recording.turns(every_s, until_s=490.0)
        whole = pl.concat(pipeline.process(*turn).scores for turn in turns)
        scores.append(whole.sort("start", "view", "host", "entity", "detector"))
    assert scores[0].height > 1000
    assert_frame_equal(*scores, rel_tol=1e-6)


@pytest.mark.parametrize("minute", [1, 15, 25, 36])
def test_loaded_in_the_middle_it_goes_on(recording, undisturbed, minute):
    """From the bytes of its state it goes on as if it had never stopped."""
    said, state = undisturbed.states[minute]
    pipeline = Pipeline()
    pipeline.load(unflatten(unpack(state)))
    last = said | recorded.judged(pipeline, recording.turns(60)[minute:])
    assert last == undisturbed.incidents


def test_a_fresh_pipeline_can_be_saved():
    """Before the first event there is nothing to know, and that is a state too."""
    state = unflatten(unpack(pack(flatten(Pipeline().save()))))
    Pipeline().load(state)


def test_a_state_of_an_earlier_version_is_taken_up():
    """A stage that it does not know begins anew."""
    state = Pipeline().save()
    del state["logs"]
    Pipeline().load(state)


def test_empty_turns_change_nothing(recording):
    """Turns in which nothing came, from the very first, give no windows and no incidents."""
    pipeline = Pipeline()
    for events, now in recording.turns(5, until_s=30):
        outcome = pipeline.process(Events(), now)
        assert outcome.incidents == []
        assert outcome.scores.is_empty()
        assert events.rows > 0


KEYS = st.text(st.characters(exclude_characters="\x1e\x1f", exclude_categories=["Cs"]), max_size=8)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.lists(st.integers(0, 9), max_size=3),
    st.builds(dict),
    st.builds(lambda n: np.arange(n, dtype=np.float32), st.integers(0, 4)),
    st.builds(lambda n: pl.DataFrame({"a": range(n), "b": ["x"] * n}), st.integers(0, 4)),
    st.builds(
        lambda n, meta: Saved({f"{i}/x": np.ones(i) for i in range(n)}, meta),
        st.integers(0, 3),
        st.dictionaries(KEYS, st.integers(0, 9) | st.builds(dict), max_size=2),
    ),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda node: st.dictionaries(KEYS, node, max_size=3), max_leaves=8),
    max_size=4,
)


def alike(one: object, other: object) -> bool:
    """The same tree, with the same arrays and frames in the same places."""
    if isinstance(one, Saved):
        return isinstance(other, Saved) and alike(
            [dict(one.arrays), one.meta], [dict(other.arrays), other.meta]
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return one.equals(other) if isinstance(one, pl.DataFrame) else one == other


@given(TREES)
def test_any_state_survives_a_snapshot(tree):
    """Nested mappings, empty ones, arrays, frames and saved models come back as they were."""
    assert alike(unflatten(unpack(pack(flatten(tree)))), tree)
