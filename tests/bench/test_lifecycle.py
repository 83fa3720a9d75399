"""The bench of the life of models: what it counts, on weeks that are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from boxwatch.bench.lifecycle import running
from boxwatch.bench.lifecycle.weeks import SAMPLED_S, START, Weeks, _sampled
from boxwatch.sources.simulated import Truth
from boxwatch.store import Lesson

CHANGED = START + timedelta(days=8)
DRIFT = Lesson(
    1, CHANGED + timedelta(hours=5), None, "done", "drift", "drifted: host cpu_busy",
    "v2 passed the gates and scores beside the champion", 2, {},
)  # fmt: skip
TAKEN = replace(
    DRIFT, number=2, began=CHANGED + timedelta(hours=12), cause="shadow", outcome="v2 is in use: so"
)


def figures(*lessons: Lesson) -> dict[str, tuple[float, bool | None]]:
    """What the bench says of drift in weeks with these steps, by its first words."""
    found = running._drift(Weeks(21, CHANGED, lessons=list(lessons)))
    return {one.name: (one.value, one.met) for one in found}


def test_drift_is_found_when_a_step_was_about_it_after_the_change():
    """And a promotion after it needed no person."""
    found = figures(DRIFT, TAKEN)
    assert found["drift found after the change"] == (5, True)
    assert found["promoted without a person after the change"] == (12, None)
    assert found["versions promoted after the change"] == (1, True)
    assert found["drift alarms before the change"] == (0, True)


def test_drift_found_before_the_change_is_an_alarm_for_nothing():
    """One is too many, and what was not found after it is not met."""
    found = figures(replace(DRIFT, began=START + timedelta(days=2)))
    assert found["drift alarms before the change"] == (1, False)
    assert found["drift found after the change"][1] is None
    assert found["versions promoted after the change"] == (0, False)


@pytest.mark.parametrize("kind", ["host", "gpu"])
def test_readings_are_kept_every_few_seconds(kind):
    """Those of other seconds go; a line that tells no time stays."""
    line = '{{"host":"a","collected_at":"2026-03-02T00:00:{:02d}.003+00:00","kind":"{}"}}\n'
    content = "".join(line.format(second, kind) for second in range(20)) + '{"host":"a"}\n'
    kept = b"".join(_sampled(content.encode())).decode().splitlines()
    assert len(kept) == 20 // SAMPLED_S + 1


def test_a_story_tells_each_step_with_its_reason():
    """After the line that says what was simulated."""
    weeks = Weeks(21, CHANGED, lessons=[DRIFT, TAKEN])
    weeks.truths.append(day())
    told = running._story(weeks)
    assert "drift: drifted: host cpu_busy -> v2 passed the gates" in told[1]
    assert len(told) == 3


def day():
    """A day without faults."""
    return Truth(0, "simbox", START, START + timedelta(days=1), START, ())
