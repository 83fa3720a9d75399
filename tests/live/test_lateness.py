"""Records out of time are kept, marked and counted."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal
from tests.live.test_clocks import line, offset, samples
from tests.live.test_steps import START

from boxwatch.events import Events
from boxwatch.live.lateness import Lateness
from boxwatch.pulse import REGISTRY


def at(seconds: float):
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def second_turn(*times: float, behind: bool = False, **columns: object) -> Events:
    """What lines of these seconds are marked as, where turns ended at 60 s and at 120 s."""
    lateness = Lateness(1.0)
    lateness.add(Events(), at(60), behind=behind)
    logs = pl.concat([line(time=at(second), **columns) for second in times])
    return lateness.add(Events(logs), at(120), behind=False)


def marks(events: Events) -> list[object]:
    """The attributes of every line."""
    told = events.logs["attributes"].to_list()
    return [None if text is None else json.loads(text) for text in told]


def test_a_line_whose_window_had_closed_is_late():
    """By how much stands in its attributes; it is kept as it came."""
    events = second_turn(54.9, 55, 100)
    assert marks(events) == [{"late_seconds": 65}, None, None]
    assert events.logs["time"].to_list() == [at(54.9), at(55), at(100)]


def test_a_line_from_the_future_is_early():
    """More than five seconds: less is the way of things."""
    assert marks(second_turn(125, 130)) == [None, {"early_seconds": 10}]


def test_other_attributes_stay():
    """The mark is one more."""
    assert marks(second_turn(10, attributes='{"pid":7}')) == [{"pid": 7, "late_seconds": 110}]
    assert marks(second_turn(10, attributes="{}")) == [{"late_seconds": 110}]


def test_what_is_read_while_we_catch_up_is_not_late():
    """It is we who were late; nor is anything late in the first turn."""
    assert marks(second_turn(1, behind=True)) == [None]
    assert marks(Lateness(1.0).add(Events(line()), at(1e6), behind=False)) == [None]


def test_rows_out_of_time_are_counted_by_host():
    """Lines and readings, late and early."""
    lateness = Lateness(1.0)
    lateness.add(Events(), at(60), behind=False)
    rows = [{"time": at(second), "host": "counted"} for second in (1, 2, 60, 200)]
    lateness.add(Events(line(host="counted"), samples(*rows)), at(120), behind=False)
    assert REGISTRY.value("boxwatch_late_rows_total", "counted") == 3
    assert REGISTRY.value("boxwatch_early_rows_total", "counted") == 1


def test_a_wrong_clock_that_is_known_makes_nothing_late():
    """Its offset is taken into account."""
    lateness = Lateness(1.0)
    lateness.add(Events(), at(60), behind=False)
    events = Events(line(time=at(120 - 300)), offset(-300.0))
    assert_frame_equal(lateness.add(events, at(120), behind=False).logs, events.logs)
