"""A kind of line that came all the time: missing while its service goes on, it is a finding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detections.spoken import ERROR, Line, beats, now, told

HOUR = 3600.0
END = 5 * HOUR
LATER = 4 * HOUR
WORK = beats("answered 200", 4, END)  # the service works all the time
CLOCK = "flushed 3 blocks"


def stopped(every: float = 30.0, until: float = LATER, **line: object) -> list[Line]:
    """A line that comes by the clock, until it does not."""
    return beats(CLOCK, every, until, begin=7, **line)


def test_a_line_that_stops_while_its_service_goes_on_is_a_finding():
    """It says how it was and how it is in numbers, and shows the last one and what came since."""
    (found,) = told([*WORK, *stopped()])
    assert (found.name, found.kind, found.entity) == ("line-missing", "seldom", "service:ollama")
    assert found.start == now(LATER - 53)
    text = found.reasons[0].text
    assert "`flushed <*> blocks`: seen 479 times, never more than 30 s or 8 lines apart;" in text
    assert "now 1 h and 911 lines without it" in text
    assert found.reasons[1].text == "what it writes meanwhile: answered 200"
    assert found.open


def test_it_is_found_within_some_of_its_periods():
    """Four minutes without a line of every thirty seconds are long enough."""
    assert len(told([*beats("answered 200", 4, LATER + 240), *stopped()])) == 1


def test_it_ends_when_the_line_is_back():
    """The end is the instant at which it came again."""
    back = beats(CLOCK, 30, END, begin=LATER + 1200)
    (found,) = told([*WORK, *stopped(), *back])
    assert (found.open, found.end) == (False, now(LATER + 1200))


def test_one_that_comes_far_too_seldom_is_one_finding():
    """Every five minutes where every half minute was usual."""
    seldom = beats(CLOCK, 300, END, begin=LATER + 247)
    (found,) = told([*WORK, *stopped(), *seldom])
    assert "now 11 times in 1 h and" in found.reasons[0].text


def test_what_came_seldom_for_hours_comes_so_often_now():
    """After two hours it is how things are; that it stops altogether is another finding."""
    work = beats("answered 200", 4, 20 * HOUR)
    seldom = beats(CLOCK, 300, 16 * HOUR, begin=LATER + 247)
    first, second = told([*work, *stopped(), *seldom])
    assert (first.start, first.open) == (now(LATER - 53), False)
    assert first.end < now(LATER + 2.2 * HOUR)
    assert second.start > now(15.9 * HOUR)


def test_nothing_is_missing_while_the_whole_service_is_silent():
    """That is another finding."""
    others = beats("alive", 10, END, service="service:other")
    assert told([*beats("answered 200", 4, LATER), *stopped(), *others]) == []


def test_nothing_is_missing_from_a_process_that_was_replaced():
    """The new version need not say what the old one said."""
    new = beats("answered 200", 4, END, begin=LATER, pid=99)
    assert told([*beats("answered 200", 4, LATER), *stopped(), *new]) == []


@pytest.mark.parametrize("news", ["listening on 0.0.0.0:80", "Started the server, version 2.1"])
def test_nothing_is_missing_from_a_service_that_says_it_was_started(news):
    """Not all lines tell which process wrote them."""
    assert told([*WORK, *stopped(), Line(LATER + 30, news)]) == []


def test_a_start_that_is_nothing_new_hides_nothing():
    """A worker is started every ten minutes, and the line came all the same."""
    workers = beats("started worker 12", 600, END)
    assert [found.name for found in told([*WORK, *workers, *stopped()])] == ["line-missing"]


def test_errors_that_stop_are_none():
    """Nobody misses them."""
    assert told([*WORK, *stopped(severity=ERROR)]) == []


def test_lines_that_come_at_random_times_are_not_missed():
    """Somebody else decides when they come: here at golden sections, from 1 to 300 s apart."""
    at, uneven = 7.0, []
    for number in range(400):
        uneven.append(Line(at, CLOCK))
        at += 1 + 299 * ((number * 0.618034) % 1) ** 6
    assert told([*beats("answered 200", 4, at + 2 * HOUR), *uneven]) == []


def uneven(text: str, until: float, begin: float = 0.0) -> list[Line]:
    """Lines of work: they come when somebody asks, from 1 to 25 s apart (golden sections)."""
    at, lines = begin, []
    while at < until:
        lines.append(Line(at, text))
        at += 1 + 24 * ((len(lines) * 0.618034) % 1) ** 6
    return lines


def test_a_line_of_work_is_not_missing_where_there_is_none():
    """In the evening nobody asks for anything, and what comes with the work ends with it."""
    work = [*uneven("answered 200", LATER), *beats("3 requests run", 10, LATER)]
    assert told([*work, *beats("still here", 30, END + 8 * HOUR)]) == []


def test_what_comes_by_the_clock_is_missed_in_the_evening_too():
    """It has come before while nobody asked for anything."""
    day = uneven("answered 200", 2 * HOUR) + uneven("answered 200", LATER, begin=3 * HOUR)
    evening = [*day, *beats("still here", 30, END)]
    lines = [*evening, *stopped(until=LATER + 600)]
    assert [found.name for found in told(lines)] == ["line-missing"]


def test_lines_far_more_often_than_by_the_second_are_of_work_too():
    """Some a second at random times, and in the evening one a minute."""
    busy = [Line(line.second / 10, "asked") for line in uneven("asked", 15 * HOUR)]
    calm = beats("asked", 60, END, begin=1.5 * HOUR)
    assert told([*busy, *calm, *beats("still here", 5, END)]) == []


def test_a_page_that_was_open_for_a_while_is_not_missed():
    """It asked every ten seconds for two hours of ten, until it was closed."""
    page = beats("GET /status 200", 10, 10 * HOUR, begin=8 * HOUR)
    assert told([*beats("answered 200", 4, 12 * HOUR), *page]) == []


def test_a_line_that_came_for_a_short_time_is_not_missed():
    """An hour and a hundred times are little to go by."""
    assert told([*WORK, *stopped(every=5, until=3000)]) == []


def test_failures_in_the_training_logs_do_no_harm():
    """It stopped twice for a quarter of an hour; that it stops again is strange all the same."""
    stops = ((HOUR, 1.25 * HOUR), (2.5 * HOUR, 2.75 * HOUR))
    spoilt = [
        line for line in stopped() if not any(begin <= line.second < end for begin, end in stops)
    ]
    found = told([*WORK, *spoilt])
    assert found[-1].start == now(LATER - 53)
    assert "at most 30 s or 8 lines apart in 99." in found[-1].reasons[0].text


def test_what_nobody_watched_is_not_missing():
    """The host said nothing for a day: it was off, and so was the line."""
    later = [Line(line.second + 86400, *line[1:]) for line in [*WORK, *stopped(until=END)]]
    assert told([*WORK, *stopped(until=END), *later]) == []


@pytest.mark.parametrize("jump", [400.0, -400.0])
def test_a_clock_that_jumps_misses_nothing(jump):
    """The line comes again at its time."""
    moved = [
        Line(line.second + jump * (line.second > LATER), *line[1:])
        for line in [*WORK, *stopped(until=END)]
    ]
    assert told(moved) == []


STORY = [
    *WORK,
    *stopped(),
    *beats(CLOCK, 30, END, begin=LATER + 900),
    *beats("tick", 15, LATER + 1200, service="service:other"),
    *beats("busy", 2, END, service="service:other"),
]
TOLD = told(STORY)


def test_the_story_has_two_findings():
    """What the turns are tried with is not empty."""
    assert [found.name for found in TOLD] == ["line-missing"] * 2


@settings(deadline=None, max_examples=8)
@given(st.sets(st.floats(0, END), max_size=6), st.booleans())
def test_findings_do_not_depend_on_turns(cuts, save):
    """Cut anywhere, saved and loaded or not: the same findings, word by word."""
    found = told(STORY, sorted(cuts), save=save)
    assert {one.id: one for one in found} == {one.id: one for one in TOLD}
