"""The parts of judging lines: their order in time, their ids, chances, delays, and what is kept."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.detections.spoken import ERROR, Line, beats, now, told, written

from boxwatch.detections.logs import LogWatch
from boxwatch.detections.logs.bursts import BurstWatch
from boxwatch.detections.logs.chances import binomial_tail, poisson_tail
from boxwatch.detections.logs.sequence import HORIZON_S, Case, Delays, Name, Rule
from boxwatch.detections.logs.stream import LineStream
from boxwatch.events.vocabulary import template_id


def streamed(lines: list[Line], *turns: float) -> pl.DataFrame:
    """What a stream hands on of lines, read until these seconds."""
    stream, frame, parts, low = LineStream(), written(lines), [], now(-1)
    for turn in turns:
        new = frame.filter((pl.col("time") >= low) & (pl.col("time") < now(turn)))
        parts.append(stream.add(new, now(turn)))
        low = now(turn)
    return pl.concat([part for part in parts if part is not None])


def test_lines_wait_for_their_ten_seconds():
    """And come in order of time, however they arrived."""
    frame = written(beats("work", 1, 20))
    late = LineStream()
    assert late.add(frame[5:], now(8)) is None
    out = late.add(frame[:5], now(13))
    assert out is not None
    assert out["time"].to_list() == [now(n) for n in range(10)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("request_id=ab12 began", "ab12"),
        ('{"request_id": "ab12"}', "ab12"),
        ("New session 123 of user ops.", "123"),
        ("Received block blk_-1608999687919862906 of size 3", "blk_-1608999687919862906"),
        ("Aborted request chatcmpl-00ff12.", "chatcmpl-00ff12"),
        ("job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 done", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("Connection closed by 10.0.0.1 port 40411 [preauth]", "40411"),
        ("all is well", None),
        ("took 12 ms", None),
        ("", None),
    ],
)
def test_ids_in_lines(text, found):
    """A block, a request, a session, a port: what tells one piece of work from another."""
    (session,) = streamed([Line(1, text)], 15)["session"]
    assert session == found


def test_a_long_pause_counts_as_a_short_one():
    """Nobody knows whether anybody watched; and a clock set back stands still."""
    seconds = (0, 5, 500, 505, 300, 510)
    clocks = streamed([Line(n, "work") for n in seconds], 600)["clock"].to_list()
    assert clocks == sorted(clocks)
    assert clocks[-1] <= 5 + 3 * 30 + 10


@settings(deadline=None)
@given(st.integers(1, 60), st.floats(0.001, 50))
def test_poisson_tails_are_those_of_scipy(count, mean):
    """Where they are small; an upper tail that is none is one."""
    expected = float(stats.poisson.sf(count - 1, mean))
    assert poisson_tail(count, mean) == (
        1.0 if mean >= count else pytest.approx(expected, rel=1e-6, abs=1e-300)
    )


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(1, 20), st.floats(0.001, 0.5))
def test_binomial_tails_are_those_of_scipy(hits, trials, chance):
    """Also where more hits are asked for than there are trials."""
    expected = float(stats.binom.sf(hits - 1, trials, chance))
    assert binomial_tail(hits, trials, chance) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=50))
def test_one_waits_longer_than_nearly_all_took(seconds):
    """And never longer than the horizon."""
    delays = Delays()
    for one in seconds:
        delays.add(one)
    enough = sorted(seconds)[max(0, -(-95 * len(seconds) // 100) - 1)]
    assert min(enough, HORIZON_S) <= delays.within() <= HORIZON_S


def rule(cases: int, misses: int = 0) -> Rule:
    """A rule with a history."""
    delays = Delays()
    delays.add(1.0)
    return Rule(Name("a", "b", backward=False, by_id=False), cases, misses, delays)


def missing(known: Rule, count: int, begin: float = 0.0) -> Rule:
    """`known` after so many cases without the other line, a minute apart."""
    for number in range(count):
        clock = begin + 60.0 * number
        known.miss(Case(clock, clock, "7", number, "a"))
    return known


@pytest.mark.parametrize(
    ("cases", "misses", "now_missing", "broken"),
    [(20, 0, 2, False), (20, 0, 3, True), (60, 0, 2, True), (6000, 0, 1, True), (100, 4, 2, False)],
)
def test_how_many_misses_it_takes(cases, misses, now_missing, broken):
    """The more cases and the fewer misses there were, the fewer."""
    assert missing(rule(cases, misses), now_missing).broken is broken


def test_one_mishap_counts_once():
    """A hundred cases within a second lack their line for one reason."""
    known = rule(1000)
    for number in range(100):
        known.miss(Case(number / 100, 0.0, "7", number, "a"))
    assert len(known.missing_lately) == 1


def test_what_is_judged_is_no_history_yet():
    """A failure does not teach that failing is normal."""
    known = missing(rule(100), 20)
    assert (known.cases, known.misses) == (100, 0)


def test_a_hostile_stream_takes_bounded_room():
    """Five thousand kinds of line, ids and processes of one service."""
    sizes = []
    for count in (1_000, 5_000):
        lines = [
            Line(n / 20, f"{'abcdefghij'[n % 10]}x{'z' * (n % 97)} request_id={n}", ERROR, pid=n)
            for n in range(count)
        ]
        watch = LogWatch()
        frame = written(lines).with_columns(
            pl.concat_str("template", pl.int_range(pl.len()).cast(pl.String)).alias("template")
        )
        watch.add(frame, now(count / 20 + 30))
        sizes.append(len(json.dumps(watch.save()["order"])))
    assert sizes[1] < 1.5 * sizes[0]


def test_kinds_of_line_are_forgotten_the_longest_unheard_first():
    """A service with ever new kinds does not push out what another one writes all the time."""
    bursts = BurstWatch(most_kinds=100)
    many = [Line(n, "new " + "x" * n) for n in range(300)]
    bursts.add(streamed([*many, *beats("alive", 10, 300, service="service:other")], 400))
    kept = list(bursts.save()["kin"])
    assert len(kept) == 100
    assert [name for name in kept if name.startswith("box\0service:other")]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 4000), st.text(max_size=30)), max_size=60))
def test_any_text_is_judged(said):
    """Whatever a line holds, and in whatever order lines come."""
    lines = [Line(second, text) for second, text in said]
    if lines:
        told(lines, [100.0, 200.0], save=True)


def test_docker_events_are_no_lines_of_their_container():
    """What Docker says about a container is not what the container says."""
    frame = written(beats("exec_create", 1, 20)).with_columns(pl.lit("event").alias("subtype"))
    assert LineStream().add(frame, now(20) + timedelta(minutes=1)) is None


def test_a_kind_of_line_that_gets_another_name_is_forgotten_under_the_old_one():
    """Templates that turn out to be one leave no expectation behind."""
    old, new = "loaded by ann", "loaded by <*>"
    lines = [Line(30.0 + 60 * n, "loading") for n in range(90)]
    lines += [Line(33.0 + 60 * n, old if n < 60 else "loaded by bob") for n in range(90)]
    lines += beats("alive", 7, 5400)
    frame = written(lines).with_columns(pl.col("template").replace("loaded by bob", new))
    merged = {template_id(old): template_id(new)}
    assert LogWatch().add(frame, now(5500), {}) != []
    assert LogWatch().add(frame, now(5500), merged) == []
