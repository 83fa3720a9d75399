"""Lines that come far more often than they used to; errors that are rare, and back."""

from __future__ import annotations

import pytest
from tests.detections.spoken import ERROR, INFO, Line, beats, now, told

HOUR = 3600.0
DAY = 24 * HOUR
ALIVE = beats("alive", 20, DAY)
LATER = 20 * HOUR
SELDOM = beats("failed: no answer", 2 * HOUR, LATER, begin=100, severity=ERROR)
ONCE = [Line(2000, "failed: no answer", ERROR)]


def again(every: float, minutes: float, text: str = "failed: no answer", severity: int = ERROR):
    """The line again and again from `LATER` on."""
    return beats(text, every, LATER + 60 * minutes, begin=LATER, severity=severity)


def test_an_error_that_comes_far_more_often_is_a_burst():
    """It says how often it was usual, how often it is now, and shows the first and the latest."""
    (found,) = told([*ALIVE, *SELDOM, *again(20, 10)])
    assert (found.name, found.start, found.end) == ("log-burst", now(LATER), now(LATER + 580))
    assert not found.open
    text = found.reasons[0].text
    assert text.startswith("usually 0.4")
    assert "times an hour over 20 h" in text
    assert "now 30 times in 9 m 40 s: failed: no answer" in text
    assert len({reason.event_id for reason in found.reasons}) == 2


def test_an_error_heard_once_long_ago_is_rare_when_it_is_back():
    """Rare is not normal because it was seen."""
    (found,) = told([*ALIVE, *ONCE, *again(60, 10)])
    assert found.name == "rare-line"
    assert found.reasons[0].text.startswith("seen once in 20 h")


def test_one_more_after_a_burst_is_none():
    """What was told is over; a single line begins nothing anew."""
    after = [Line(LATER + 1100, "failed: no answer", ERROR)]
    assert len(told([*ALIVE, *SELDOM, *again(20, 10), *after])) == 1


def test_twice_is_no_burst():
    """Errors keep company."""
    assert told([*ALIVE, *ONCE, *again(60, 2)]) == []


def test_many_at_one_instant_are_one_mishap():
    """A hundred lines within a second are one error that is said in many words."""
    assert told([*ALIVE, *SELDOM, *again(0.05, 0.05)]) == []


def test_what_always_came_so_often_is_none():
    """An error each minute, day and night, is how things are."""
    assert told([*ALIVE, *beats("failed: no answer", 60, DAY, severity=ERROR)]) == []


def test_three_times_the_usual_is_none():
    """Busy hours have more of everything."""
    usual = beats("failed: no answer", 600, LATER, severity=ERROR)
    assert told([*ALIVE, *usual, *again(200, 60)]) == []


def test_a_new_kind_of_error_is_no_burst():
    """That is another finding."""
    assert told([*ALIVE, *again(20, 10)]) == []


def test_a_storm_of_ordinary_lines_is_a_burst():
    """Ten a second where a few a minute are usual."""
    (found,) = told([*ALIVE, *again(0.1, 5, text="alive", severity=INFO)])
    assert found.name == "log-burst"


def test_more_work_is_no_storm():
    """Ten times as many lines of an ordinary kind: somebody works."""
    assert told([*ALIVE, *again(2, 60, text="alive", severity=INFO)]) == []


def test_a_young_service_has_no_usual():
    """In its first half hour everything may come."""
    lines = [*beats("alive", 20, HOUR), Line(5, "failed: no answer", ERROR)]
    assert told([*lines, *beats("failed: no answer", 20, 1500, begin=1300, severity=ERROR)]) == []


def test_time_that_nobody_watched_is_not_known():
    """A day in which errors came, and a week in which nobody listened: no week without errors."""
    often = beats("failed: no answer", 600, DAY, severity=ERROR)
    back = 8 * DAY
    later = beats("alive", 20, back + HOUR, begin=back)
    errors = beats("failed: no answer", 60, back + HOUR, begin=back, severity=ERROR)
    assert told([*ALIVE, *often, *later, *errors]) == []


def test_a_storm_teaches_little():
    """The second storm is found as the first one was."""
    first = beats("failed: no answer", 10, 5 * HOUR + 3000, begin=5 * HOUR, severity=ERROR)
    found = told([*ALIVE, *SELDOM, *first, *again(10, 20)])
    assert [one.start for one in found] == [now(5 * HOUR), now(LATER)]


@pytest.mark.parametrize("other", [{"service": "service:vllm"}, {"host": "another"}])
def test_each_service_has_its_own_usual(other):
    """What one service writes all the time is rare for another."""
    usual = beats("failed: no answer", 60, DAY, severity=ERROR, **other)
    (found,) = told([*ALIVE, *usual, *SELDOM, *again(20, 10)])
    assert (found.host, found.entity) == ("box", "service:ollama")
