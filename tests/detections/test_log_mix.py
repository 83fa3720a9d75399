"""The usual lines in other proportions: a finding, where the mix changed and not the load."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detections.spoken import Line, beats, now, written

from boxwatch.detections import Detection
from boxwatch.detections.logs.mix import MixWatch
from boxwatch.detections.logs.stream import LineStream

HOUR = 3600.0
END = 8 * HOUR
LATER = 6 * HOUR
ALIVE = beats("alive", 15, END)  # by the clock


def told(
    lines: Sequence[Line], cuts: Sequence[float] = (), *, save: bool = False
) -> list[Detection]:
    """What is said last of each finding; read in turns that end at `cuts` (seconds)."""
    frame, low, last = written(lines), now(-1), {}
    stream, watch = LineStream(), MixWatch()
    for cut in [*sorted(cuts), END + 600]:
        turn = frame.filter((pl.col("time") >= low) & (pl.col("time") < now(cut)))
        low = max(low, now(cut))
        due = stream.add(turn, low)
        found = [] if due is None else watch.add(due, {})
        assert stream.until is not None
        found += watch.settle(stream.until, {})
        last |= {one.id: one for one in found}
        if save:
            saved, watch = watch.save(), MixWatch()
            watch.load(saved)
    return list(last.values())


def asked(
    share: Callable[[float], float], every: Callable[[float], float] = lambda _: 4.0
) -> list[Line]:
    """Requests at golden sections of time; `share` of them miss the cache."""
    lines, second, number = [], 1.0, 0
    while second < END:
        number += 1
        hit = number * 0.7548777 % 1 >= share(second)
        lines.append(Line(second, "cache hit for key 7" if hit else "cache miss for key 7"))
        second += every(second) * (0.5 + number * 0.618034 % 1)
    return lines


def turns(before: float, after: float, until: float = END) -> Callable[[float], float]:
    """`after` from LATER to `until`, `before` else."""
    return lambda second: after if LATER <= second < until else before


def mixes(lines: list[Line]) -> list[str]:
    """The names of what is found, but for other views of the same."""
    return [found.name for found in told(lines)]


def test_hits_that_become_misses_are_a_finding():
    """No line is new, none comes more often than ever: it says the shares, in numbers."""
    (found,) = told([*ALIVE, *asked(turns(0.05, 0.6))])
    assert (found.name, found.kind, found.entity) == ("line-mix", "mix", "service:ollama")
    assert now(LATER) <= found.start <= now(LATER + 30)
    text = found.reasons[0].text
    assert text.startswith("`cache miss for key <*>` now makes 60 % of these lines and `cache hit")
    assert "usually 3-8 % over" in text
    assert found.reasons[1].event_id == found.reasons[0].event_id
    assert found.reasons[2].text == "what it writes beside them: cache hit for key 7"


def test_it_is_found_within_two_blocks():
    """Ten minutes of it are enough."""
    lines = [line for line in [*ALIVE, *asked(turns(0.05, 0.6))] if line.second < LATER + 600]
    assert mixes(lines) == ["line-mix"]


def test_it_ends_when_the_mix_is_as_usual_again():
    """And what came meanwhile is no history: the same again is a finding again."""
    share = lambda at: 0.6 if LATER <= at < LATER + 1800 or at >= LATER + 5400 else 0.05  # noqa: E731
    first, second = told([*ALIVE, *asked(share)])
    assert not first.open
    assert now(LATER + 1500) <= first.end <= now(LATER + 2100)
    assert second.start >= now(LATER + 5400)


def test_what_lasts_for_hours_is_how_things_are():
    """After two hours the finding ends, and nothing is told any more."""
    early = [line._replace(second=line.second / 2) for line in asked(turns(0.05, 0.6))]
    later = [line._replace(second=line.second / 2 + END / 2) for line in asked(lambda _: 0.6)]
    (found,) = told([*early, *later])
    assert not found.open


def test_more_work_is_no_other_mix():
    """Ten times the requests: what comes by the clock is a smaller share, and nothing is wrong."""
    assert mixes([*ALIVE, *asked(lambda _: 0.05, turns(8.0, 0.8))]) == []


def test_an_evening_without_work_is_no_other_mix():
    """And so it is where requests end: the clock goes on."""
    assert "line-mix" not in mixes([*ALIVE, *asked(lambda _: 0.05, turns(3.0, 120.0))])


def test_misses_among_much_more_work_are_found():
    """The odds of hits and misses do not depend on the load."""
    every = lambda at: 3.0 if at // 1800 % 2 else 12.0  # noqa: E731
    assert mixes([*ALIVE, *asked(turns(0.05, 0.6), every)]) == ["line-mix"]


def test_a_line_that_comes_with_the_work_is_missed_while_work_goes_on():
    """Not each time and not by the clock, so that neither order nor rhythm can tell."""
    every = lambda at: 3.0 if at // 1800 % 2 else 12.0  # noqa: E731
    work = asked(lambda _: 0.0, every)
    stored = [
        Line(line.second + 1, "stored the answer")
        for number, line in enumerate(work)
        if number * 0.31 % 1 < 0.5 and line.second < LATER
    ]
    (found,) = [one for one in told([*work, *stored]) if one.name == "line-mix"]
    assert found.reasons[0].metric == "line_with_work"
    assert found.reasons[0].text.startswith("`stored the answer` now makes 0 % of these lines")


def test_a_finding_of_nothing_but_the_load_needs_both_to_be_tied():
    """Two kinds of work that have nothing to do with one another: one may end."""
    other = [
        Line(line.second, "rendered a page")
        for line in asked(lambda _: 0.0, lambda at: 3.0 if at // 2700 % 2 else 9.0)
        if line.second < LATER
    ]
    work = asked(lambda _: 0.0, lambda at: 4.0 if at // 1800 % 2 else 10.0)
    assert "line-mix" not in mixes([*work, *other])


def test_answers_that_become_errors_are_found_though_their_number_is_masked():
    """The template of an access line does not tell 200 from 500."""

    def answer(second: float, status: int) -> Line:
        return Line(second, f'10.0.0.9 - "GET /v1/models HTTP/1.1" {status} 17')

    lines = [answer(5.0 * number, 200) for number in range(int(LATER / 5))]
    lines += [answer(LATER + 5 * number, 500 if number % 3 else 200) for number in range(400)]
    (found,) = told([*ALIVE, *lines])
    text = found.reasons[0].text
    assert "with status 5xx now makes 66 % of these lines and those with status 2xx" in text
    assert "usually none over 6 h" in text


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_mix_that_wanders_is_usual(share):
    """Where misses come in waves, a wave is nothing new."""
    waves = lambda at: share + 0.4 * (at // 900 % 3 == 0)  # noqa: E731
    assert mixes([*ALIVE, *asked(waves)]) == []


def test_lines_of_a_start_are_no_other_mix():
    """Many at once, but seldom: a service was started anew."""
    starts = [
        Line(at + 0.1 * number, f"loading shard {number}")
        for at in (10.0, 2 * HOUR, LATER)
        for number in range(80)
    ]
    assert "line-mix" not in mixes([*ALIVE, *asked(lambda _: 0.05), *starts])


def test_failures_in_the_training_logs_do_no_harm():
    """Misses for five minutes of five hours; that they come again is strange all the same."""
    share = lambda at: 0.6 if HOUR <= at < HOUR + 300 or at >= LATER else 0.05  # noqa: E731
    assert mixes([*ALIVE, *asked(share)]) == ["line-mix"]


def test_a_service_is_known_before_it_is_judged():
    """An hour is little to go by."""
    late = [line for line in asked(turns(0.05, 0.6)) if line.second > LATER - HOUR]
    assert mixes(late) == []


def test_few_lines_are_judged_over_longer_time():
    """One request in half a minute: it takes longer to know, but it is known."""
    (found,) = told([*ALIVE, *asked(turns(0.05, 0.8), lambda _: 30.0)])
    assert found.start < now(LATER + 1800)


def test_what_is_over_is_not_told_again():
    """Few lines are judged with those before them, but not with those of a finding."""
    share = turns(0.02, 1.0, LATER + 2400)
    (found,) = told([*ALIVE, *asked(share, lambda _: 18.0)])
    assert not found.open


STORY = [
    *beats("alive", 15, END),
    *asked(turns(0.05, 0.6, LATER + 2400)),
    *beats("tick", 15, END, service="service:other"),
]
TOLD = told(STORY)


def test_the_story_has_a_finding():
    """What the turns are tried with is not empty."""
    assert [found.name for found in TOLD] == ["line-mix"]


@settings(deadline=None, max_examples=6)
@given(st.sets(st.floats(0, END), max_size=6), st.booleans())
def test_findings_do_not_depend_on_turns(cuts, save):
    """Cut anywhere, saved and loaded or not: the same findings, word by word."""
    found = told(STORY, sorted(cuts), save=save)
    assert {one.id: one for one in found} == {one.id: one for one in TOLD}
