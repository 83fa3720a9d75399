"""How far apart lines of one kind are; how much is remembered of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detections.spoken import Line, beats, now, written

from boxwatch.detections.logs import LogWatch
from boxwatch.detections.logs.gaps import Gaps, Usual, times
from boxwatch.detections.logs.missing import MissingWatch
from boxwatch.detections.logs.stream import LineStream
from boxwatch.events.vocabulary import template_id


def of(*gaps: float) -> Gaps:
    """These gaps."""
    known = Gaps()
    for gap in gaps:
        known.add(gap)
    return known


def test_the_longest_usual_gap_is_the_longest_there_was():
    """Where none stands out."""
    assert of(*[30.0] * 99, 31.0, 31.0).usual() == Usual(31.0, 0)


def test_few_that_stand_out_are_not_usual():
    """One in a hundred may be a failure."""
    assert of(*[30.0] * 299, 900.0, 1200.0).usual() == Usual(30.0, 2)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_a_share_of_the_gaps_is_no_longer(gaps):
    """To a quarter of a doubling: no more than the share is shorter than that bin."""
    upto = of(*gaps).upto(0.75)
    assert upto in gaps
    assert sum(gap <= upto for gap in gaps) >= 0.75 * len(gaps)


@given(st.lists(st.floats(0, 1e6), max_size=60))
def test_gaps_are_saved(gaps):
    """As JSON, and what comes back says the same."""
    known = of(*gaps)
    assert Gaps.load(json.loads(json.dumps(known.save()))) == known


@pytest.mark.parametrize(("count", "more"), [(100, 2.99), (1000, 2.0), (10_000, 1.5)])
def test_the_better_known_the_sooner_it_is_strange(count, more):
    """At random times so many times the longest of `count` comes once in a million."""
    assert times(Usual(30.0, 0), count, 1e-6) == pytest.approx(more, abs=0.01)


def test_what_is_remembered_is_bounded():
    """Ten thousand kinds of line, and the one that comes all the time is among those kept."""
    names = [
        f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(10_000)
    ]
    lines = [Line(10 + n / 2, name) for n, name in enumerate(names)]
    frame = written([*lines, *beats("still here", 20, 5000)])
    stream, watch = LineStream(), MissingWatch()
    ordered = stream.add(frame, now(6000))
    assert ordered is not None
    assert watch.add(ordered, {}) == []
    (talker,) = watch.save()["services"].values()  # type: ignore[attr-defined]
    assert len(talker["beats"]) <= 64
    assert talker["beats"]["still here"]["heard"] == 250


def test_services_are_bounded():
    """Of three thousand services the latest are remembered."""
    lines = [Line(n, "hello", service=f"service:of{n}") for n in range(3000)]
    stream, watch = LineStream(), MissingWatch()
    ordered = stream.add(written(lines), now(4000))
    assert ordered is not None
    watch.add(ordered, {})
    names = list(watch.save()["services"])  # type: ignore[call-overload]
    assert len(names) == 2000
    assert names[-1] == "box\0service:of2999"


def test_a_state_of_an_earlier_version_goes_on():
    """It knows nothing of missing lines, and learns them."""
    saved = LogWatch().save()
    del saved["missing"]
    watch = LogWatch()
    watch.load(saved)
    assert watch.missing.save() == MissingWatch().save()


def test_lines_of_a_kind_that_became_part_of_another_are_not_missed():
    """They come under another name now."""
    narrow, wide = "flushed disk <*>", "flushed <*> <*>"
    watch = LogWatch()
    frame = written([*beats("answered 200", 4, 9000), *beats("flushed disk 3", 30, 7200)])
    merged = {template_id(narrow): template_id(wide)}
    assert watch.add(frame, now(9100), merged) == []
    assert [found.name for found in LogWatch().add(frame, now(9100))] == ["line-missing"]
