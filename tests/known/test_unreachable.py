"""Hosts that cannot be reached: found, ended, and what else was open on them."""

import json

import polars as pl
import pytest
from tests.known.stream import at, of_samples, samples

from boxwatch.detections.detection import Kind
from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import Events


def line(*told):
    """What the line to the host says: (second, 1 it stands or 0 it is broken or None)."""
    return samples("source:ssh", [second for second, _ in told], up=[up for _, up in told])


def room(seconds, ratio):
    """Readings of the root file system, so full."""
    return samples("fs:/", seconds, available_bytes=(1 - ratio) * 1e12, size_bytes=1e12)


def play(known, *turns):
    """The last word on each finding after turns of (second, samples)."""
    found = {}
    for second, frame in turns:
        for one in known.add(Events(samples=frame), at(second)):
            found[one.name] = one
    return found


NOTHING = samples("host", [])


def test_a_host_that_is_out_of_reach_is_a_finding_about_the_host():
    """One broken line that nothing follows is enough; the entity is the host, not the source."""
    found = of_samples(line((0, 1), (100, 0)))["host-unreachable"]
    assert (found.entity, found.start, found.open) == ("host", at(100), True)
    assert found.kind is Kind.MISSING


@pytest.mark.parametrize("end", [1, None])
def test_it_ends_when_the_host_answers_or_is_watched_no_more(end):
    """The line stands again, or the host was taken out of the settings."""
    found = of_samples(line((0, 0), (300, end)))["host-unreachable"]
    assert (found.start, found.open) == (at(0), False)


def test_a_short_break_is_no_finding():
    """A line that stands again at once was restarted, no more."""
    assert of_samples(line((0, 1), (100, 0), (105, 1))) == {}


def test_sources_of_a_host_out_of_reach_are_not_blamed():
    """They fail with the line, and have a minute to begin again when it is back."""
    failing = samples("source:nvidia", [99], up=0.0)
    turns = ((100, pl.concat([failing, line((100, 0))])), (400, NOTHING), (500, line((500, 1))))
    known = KnownFailures()
    assert "nvidia-driver-not-answering" not in play(known, *turns, (550, NOTHING))
    assert play(known, (580, NOTHING))["nvidia-driver-not-answering"].open


def test_the_line_is_no_source_that_is_down():
    """Other sources keep their own rule."""
    assert set(of_samples(line((0, 0)))) == {"host-unreachable"}
    assert set(of_samples(samples("source:gpu", [0], up=0.0))) == {"source-down"}


def test_what_was_open_on_a_host_out_of_reach_stays_open():
    """A full disk is not known to be less full while nobody can look."""
    full = (0, room(range(0, 60, 5), 0.999))
    found = play(KnownFailures(), full, (70, line((70, 0))), (7000, NOTHING))
    assert found["disk-full"].open


def test_without_the_host_being_away_silence_ends_it():
    """The same without a broken line: no reading for ten minutes is the end."""
    full = (0, room(range(0, 60, 5), 0.999))
    assert not play(KnownFailures(), full, (7000, NOTHING))["disk-full"].open


@pytest.mark.parametrize(("ratio", "still"), [(0.999, True), (0.2, False)])
def test_what_was_open_is_decided_when_the_host_is_back(ratio, still):
    """It goes on as the same finding, or ends, as the first readings say."""
    known = KnownFailures()
    before = play(known, (0, room(range(0, 60, 5), 0.999)), (70, line((70, 0))), (7000, NOTHING))
    back = pl.concat([line((7000, 1)), room(range(7001, 7200, 5), ratio)])
    after = play(known, (7200, back))["disk-full"]
    assert (after.id, after.open) == (before["disk-full"].id, still)


def test_what_was_open_and_never_comes_back_ends():
    """An entity that is gone when the host is back is not waited for for ever."""
    full = (0, room(range(0, 60, 5), 0.999))
    turns = (full, (70, line((70, 0))), (7000, line((7000, 1))), (7700, NOTHING))
    assert not play(KnownFailures(), *turns)["disk-full"].open


def test_who_is_away_is_remembered():
    """State that was saved and loaded goes on the same."""
    known, again = KnownFailures(), KnownFailures()
    play(known, (0, room(range(0, 60, 5), 0.999)), (70, line((70, 0))))
    again.load(json.loads(json.dumps(known.save())))
    assert play(known, (7000, NOTHING)) == play(again, (7000, NOTHING))
    end = (7700, line((7100, 1)))
    assert play(known, end) == play(again, end)
