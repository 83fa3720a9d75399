"""What learning did is told, also what a kill cut short."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from boxwatch.clock import ManualClock
from boxwatch.errors import StoreError
from boxwatch.store import Lessons

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def opened(folder, clock=None):
    """The steps of a task in `folder`, to be written."""
    return Lessons.open(folder, "detectors", writable=True, clock=clock)


def test_a_step_is_told_from_its_reason_to_its_outcome(tmp_path):
    """With both instants, the version and what else is known."""
    clock = ManualClock(BEGAN)
    lessons = opened(tmp_path, clock)
    number = lessons.begin("drift", "drifted: host cpu_busy")
    clock.advance(30)
    told = lessons.end(number, "v2 is in use", version=2, details={"labels": 3})
    assert lessons.told() == [told]
    assert (told.state, told.cause, told.version) == ("done", "drift", 2)
    assert ((told.ended - told.began).total_seconds(), told.details) == (30, {"labels": 3})


def test_a_step_whose_process_is_gone_is_lost(tmp_path):
    """The next one says so."""
    opened(tmp_path).begin("first", "nothing is in use yet")
    lessons = opened(tmp_path)
    lessons.begin("first", "nothing is in use yet")
    assert [one.state for one in lessons.told()] == ["running", "lost"]


def test_the_newest_steps_are_told_first(tmp_path):
    """So many of them as are asked for."""
    lessons = opened(tmp_path)
    for number in range(5):
        lessons.end(lessons.begin("schedule", str(number)), "", failed=True)
    assert [one.why for one in lessons.told(2)] == ["4", "3"]


def test_tasks_do_not_meet(tmp_path):
    """Each tells its own."""
    opened(tmp_path).begin("first", "")
    assert Lessons.open(tmp_path, "images", writable=True).told() == []


def test_where_nothing_was_learned_there_is_nothing_to_read(tmp_path):
    """And reading makes nothing."""
    with pytest.raises(StoreError):
        Lessons.open(tmp_path, "detectors", writable=False)
    assert list(tmp_path.iterdir()) == []
