"""When to train anew: reasons in their order, and the pause after refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.lifecycle import Policy, Situation, due

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Policy(every=24 * HOUR)
QUIET = Situation(NOW, champion=True, trained=NOW - HOUR)


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (QUIET, None),
        (Situation(NOW, champion=False), "first"),
        (replace(QUIET, drifted="host cpu_busy"), "drift"),
        (replace(QUIET, drifted="host cpu_busy", labels=2), "labels"),
        (replace(QUIET, trained=NOW - 24 * HOUR), "schedule"),
        (replace(QUIET, asked="new model server", drifted="host cpu_busy"), "command"),
    ],
)
def test_each_reason_is_told(found, cause):
    """The first of those that hold, and in words why."""
    told = due(DAILY, found)
    assert told.cause == cause
    assert told.why


def test_without_a_calendar_nothing_is_due_by_itself():
    """However long ago the last training was."""
    assert due(Policy(), replace(QUIET, trained=NOW - 1000 * HOUR)).cause is None


@given(st.integers(1, 60), st.floats(0, 0.999))
def test_after_refusals_it_waits_longer_each_time(refusals, share):
    """An hour, then twice as long each time, never more than a day; a person need not wait."""
    wait = min(HOUR * 2 ** min(refusals - 1, 10), 24 * HOUR)
    found = replace(QUIET, refusals=refusals, drifted="x", attempted=NOW - wait * share)
    assert due(DAILY, found).cause is None
    assert due(DAILY, replace(found, attempted=NOW - wait)).cause == "drift"
    assert due(DAILY, replace(found, asked="now")).cause == "command"


def test_while_a_version_waits_only_the_calendar_brings_another():
    """Or a person."""
    waiting = replace(QUIET, challenger=True, drifted="x", labels=3)
    assert due(DAILY, waiting).cause is None
    assert due(DAILY, replace(waiting, trained=NOW - 25 * HOUR)).cause == "schedule"
