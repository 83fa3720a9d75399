"""What people say of incidents: the newest word counts, and none is lost."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from boxwatch.clock import ManualClock
from boxwatch.detections import Severity
from boxwatch.errors import UsageError
from boxwatch.incidents import Incident, Opinion, State
from boxwatch.store import Layout, StateStore


@pytest.fixture
def state(store, root, noon):
    """A state with one incident, `a1b2`."""
    one = Incident("a1b2", "box", "host", noon, noon, State.OPEN, Severity.LOW, "t", (), "", ())
    with StateStore.open(root, clock=ManualClock(noon + timedelta(hours=1))) as opened:
        opened.note([one, replace(one, id="c3d4")])
        yield opened


def test_a_label_says_who_when_and_why(state, noon):
    """All of it comes back with the incident."""
    until = noon + timedelta(days=7)
    label = state.give_label("a1", Opinion.EXPECTED, "ann", "a load test", until).label
    assert label == state.incident("a1b2").label
    assert (label.opinion, label.by, label.note) == (Opinion.EXPECTED, "ann", "a load test")
    assert (label.at, label.until) == (noon + timedelta(hours=1), until)


def test_the_newest_word_counts_and_can_be_taken_back(state, root):
    """Every word stays in the database."""
    state.give_label("a1b2", Opinion.FALSE, "ann")
    state.give_label("a1b2", Opinion.REAL, "bob")
    assert state.incident("a1b2").label.opinion is Opinion.REAL
    assert state.give_label("a1b2", None, "bob").label is None
    with sqlite3.connect(Layout(root).database) as database:
        said = database.execute("SELECT opinion, by FROM labels ORDER BY number").fetchall()
    assert said == [("false", "ann"), ("real", "bob"), (None, "bob")]


def test_labelled_incidents_are_found(state):
    """Those whose newest label it is."""
    state.give_label("a1b2", Opinion.EXPECTED, "ann")
    state.give_label("c3d4", Opinion.EXPECTED, "ann")
    state.give_label("c3d4", Opinion.REAL, "ann")
    assert [one.id for one in state.labelled(Opinion.EXPECTED)] == ["a1b2"]


def test_every_word_can_be_heard(state):
    """The number grows with each, also with one that is taken back."""
    heard = [state.labels_given()]
    for opinion in (Opinion.REAL, None):
        state.give_label("a1b2", opinion, "ann")
        heard.append(state.labels_given())
    assert heard == sorted(set(heard))


def test_a_label_for_no_incident_names_the_nearest(state):
    """A slip of the finger is told with what was meant."""
    with pytest.raises(UsageError) as refused:
        state.give_label("a1d2", Opinion.REAL, "ann")
    assert "a1b2" in refused.value.hint


def test_what_the_machine_says_later_takes_no_label_away(state):
    """An incident that grows keeps its label."""
    state.give_label("a1b2", Opinion.REAL, "ann")
    state.note([replace(state.incident("a1b2"), title="grown", label=None)])
    assert state.incident("a1b2").label.opinion is Opinion.REAL


@pytest.mark.parametrize(
    ("opinion", "verdict", "wrong"),
    [
        (None, State.RESOLVED, True),
        (None, State.FALSE_ALARM, False),
        (Opinion.REAL, State.FALSE_ALARM, True),
        (Opinion.FALSE, State.RESOLVED, False),
        (Opinion.EXPECTED, State.RESOLVED, False),
    ],
)
def test_whether_something_was_wrong(state, opinion, verdict, wrong):
    """The label goes before the state; unlabelled, something was wrong unless it was an alarm."""
    state.set_state("a1b2", verdict)
    state.give_label("a1b2", opinion, "ann")
    assert state.incident("a1b2").wrong is wrong
