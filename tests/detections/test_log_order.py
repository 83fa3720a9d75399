"""A line that always follows another: missing, it is a finding; late, rare or unheard, none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detections.spoken import ERROR, Line, beats, now, told

HOUR = 3600.0
LOADS = 60  # one a minute
ALIVE = beats("alive", 7, 2 * HOUR)  # the service speaks all the time


def load(at: float, *, ends: bool = True, took: float = 3.0, **line: object) -> list[Line]:
    """A model is loaded: two lines, or one of them."""
    lines = [Line(at, "loading a model", **line)]  # type: ignore[arg-type]
    if ends:
        lines.append(Line(at + took, f"loaded in {took:.0f} s", **line))  # type: ignore[arg-type]
    return lines


def loads(*, begin: float = 30.0, count: int = LOADS, every: float = 60.0, **line: object):
    """Loads that end."""
    return [one for n in range(count) for one in load(begin + every * n, **line)]


HABIT = [*ALIVE, *loads()]
LATER = HOUR + 30.0


def test_what_is_begun_and_does_not_end_is_a_finding():
    """It names both kinds of line, in numbers, and shows the first and the latest case."""
    broken = [line for n in range(5) for line in load(LATER + 60 * n, ends=False)]
    (found,) = told([*HABIT, *broken])
    assert (found.name, found.entity, found.start) == ("broken-order", "service:ollama", now(LATER))
    text = found.reasons[0].text
    assert "`loaded in <*> s` follows `loading a model` within" in text
    assert re.search(r"in all of 5\d cases, now missing 5 times", text)
    assert [reason.event_id is not None for reason in found.reasons] == [True, True]


def test_a_service_that_says_nothing_else_is_judged_by_its_next_case():
    """Every case counts, also where the next one is the first that is heard."""
    others = beats("alive", 7, 2 * HOUR, service="service:other")
    broken = [line for n in range(4) for line in load(LATER + 60 * n, ends=False)]
    (found,) = told([*others, *loads(), *broken])
    assert "now missing 3 times" in found.reasons[0].text


def test_once_is_a_hiccup():
    """One line may be lost."""
    assert told([*HABIT, *load(LATER, ends=False), *loads(begin=LATER + 60, count=20)]) == []


def test_it_ends_when_lines_come_in_order_again():
    """After three cases as they should be; the end is the last case that was not."""
    broken = [line for n in range(5) for line in load(LATER + 60 * n, ends=False)]
    (found,) = told([*HABIT, *broken, *loads(begin=LATER + 300, count=4)])
    assert (found.open, found.end) == (False, now(LATER + 240))


def test_the_end_before_the_beginning_is_a_finding():
    """The same lines, the wrong way round."""
    turned = [
        line
        for n in range(6)
        for line in (
            Line(LATER + 60 * n, "loaded in 3 s"),
            Line(LATER + 60 * n + 1, "loading a model"),
        )
    ]
    names = [found.name for found in told([*HABIT, *turned])]
    assert names
    assert set(names) == {"broken-order"}


def test_a_line_that_comes_without_the_one_before_it_is_a_finding():
    """A load that ends was begun."""
    alone = [Line(LATER + 60 * n, "loaded in 3 s") for n in range(5)]
    (found,) = told([*HABIT, *alone])
    assert "`loading a model` comes before `loaded in <*> s`" in found.reasons[0].text


def test_what_comes_later_than_usual_is_not_missing():
    """Three times as late is late."""
    assert told([*HABIT, *loads(begin=LATER, count=10, took=8.0)]) == []


def test_a_pair_that_becomes_slow_is_a_finding():
    """Three seconds were usual; ten times as much is told as late, and not as missing."""
    slow = [line for n in range(8) for line in load(LATER + 60 * n, took=30.0)]
    (found,) = [one for one in told([*HABIT, *slow]) if "follows" in one.reasons[0].text]
    text = found.reasons[0].text
    assert re.search(r"in all of 5\d cases, now later [5-8] times, the last time after 30 s", text)
    assert found.reasons[0].metric == "late_after"
    assert found.start == now(LATER)


def test_a_request_that_is_answered_late_is_a_finding():
    """By its id, with many others under way."""

    def request(number: int, took: float) -> list[Line]:
        said = f"request_id={number}"
        begin = 5.0 * number
        return [Line(begin, f"{said} began"), Line(begin + took, f"{said} done")]

    lines = [one for n in range(1400) for one in request(n, 3.0 if n < 1350 else 40.0)]
    (found,) = [one for one in told(lines) if "follows" in one.reasons[0].text]
    assert re.search(r"now later \d+ times, the last time after 40 s", found.reasons[0].text)


def test_nothing_is_missing_from_a_service_that_says_nothing_any_more():
    """What may still come is not missing; silence is another finding."""
    broken = [line for n in range(5) for line in load(LATER + 0.5 * n, ends=False)]
    quiet = [line for line in ALIVE if line.second < LATER]
    others = beats("alive", 7, 2 * HOUR, service="service:other")
    assert told([*quiet, *loads(), *broken, *others]) == []


def test_nothing_is_missing_from_a_process_that_was_replaced():
    """A service that is restarted in the middle of its work does not end it."""
    broken = [line for n in range(5) for line in load(LATER + 60 * n, ends=False, pid=100 + n)]
    assert told([*HABIT, *broken]) == []


def test_lines_that_are_near_each_other_by_chance_have_no_order():
    """A heartbeat follows everything, and its absence is not a broken order."""
    lines = [*HABIT, *beats("tick", 4, HOUR + 10), *loads(begin=LATER, count=20)]
    assert [found.name for found in told(lines)] == ["line-missing"]  # that it stops is told


def test_lines_that_come_by_the_clock_have_no_order():
    """Every four seconds and every ten meet at the same places again and again, until one stops."""
    clocks = [*beats("answered 200", 4, 2 * HOUR), *beats("3 requests run", 10, HOUR)]
    names = {found.name for found in told([*clocks, *beats("still here", 30, 2 * HOUR)])}
    assert "broken-order" not in names


def test_what_came_for_a_while_only_has_no_order():
    """A page that was open for two hours of ten, and asked every ten seconds."""
    page = beats("GET /status 200", 10, 10 * HOUR, begin=8 * HOUR)
    assert told([*beats("answered 200", 4, 11 * HOUR), *page]) == []


def test_failures_in_the_training_logs_do_no_harm():
    """Two loads of sixty never ended; five in a row that do not are strange all the same."""
    spoilt = [line for line in HABIT if line.second not in {33.0 + 600, 33.0 + 1800}]
    broken = [line for n in range(8) for line in load(LATER + 60 * n, ends=False)]
    (found,) = told([*spoilt, *broken])
    assert re.search(r"in 9\d\.\d % of 5\d cases", found.reasons[0].text)


def test_what_follows_most_of_the_time_is_no_rule():
    """One in eight loads does not end, ever."""
    mostly = [one for n in range(100) for one in load(30.0 + 60 * n, ends=n % 8 > 0)]
    assert told([*beats("alive", 7, 6100), *mostly]) == []


def test_a_crash_loop_teaches_no_rule():
    """An error that followed each of many starts is not expected to follow the next ones."""
    crashes = [
        line
        for n in range(60)
        for line in (Line(30 + 60 * n, "starting"), Line(31 + 60 * n, "error: no disk", ERROR))
    ]
    later = [Line(LATER + 60 * n, "starting") for n in range(20)]
    assert told([*ALIVE, *crashes, *later]) == []


def test_each_request_has_its_own_order():
    """Many at a time, told apart by their ids: those that stay unanswered are found."""

    def request(number: int, *, answered: bool) -> list[Line]:
        lines = [Line(5.0 * number, f"request_id={number} began")]
        return [*lines, Line(5.0 * number + 28, f"request_id={number} done")][: 1 + answered]

    lines = [one for n in range(1400) for one in request(n, answered=n < 1300 or n % 2 == 0)]
    (found,) = told(lines)
    assert "`request_id=<*> done` follows `request_id=<*> began`" in found.reasons[0].text
    assert found.start == now(6505)


STORY = [
    *HABIT,
    *(line for n in range(6) for line in load(LATER + 60 * n, ends=False)),
    *loads(begin=LATER + 360, count=10),
    *beats("failed: no answer", 60, 2000, begin=900, severity=ERROR),
    *beats("failed: no answer", 10, LATER + 900, begin=LATER, severity=ERROR),
]


TOLD = told(STORY)


@settings(deadline=None, max_examples=12)
@given(st.sets(st.floats(0, 2 * HOUR), max_size=6), st.booleans())
def test_findings_do_not_depend_on_turns(cuts, save):
    """Cut anywhere, saved and loaded or not: the same findings, word by word."""
    found = told(STORY, sorted(cuts), save=save)
    assert {one.id: one for one in found} == {one.id: one for one in TOLD}


def test_the_story_has_two_findings():
    """What the turns are tried with is not empty."""
    assert {found.name for found in TOLD} == {"broken-order", "log-burst"}


@pytest.mark.parametrize("jump", [400.0, -400.0])
def test_a_clock_that_jumps_breaks_no_order(jump):
    """Lines that were written in order stay in order."""
    moved = [Line(line.second + jump, *line[1:]) for line in loads(begin=LATER, count=30)]
    speaking = [Line(line.second + jump * (line.second > HOUR), *line[1:]) for line in ALIVE]
    assert told([*loads(), *speaking, *moved]) == []
