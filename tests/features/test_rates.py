"""Counters become rates: across gaps, resets and the kernel's own small steps back."""

from datetime import timedelta

import polars as pl
import pytest
from tests.features.small_box import START

from boxwatch.events.schema import SAMPLES
from boxwatch.features import readings


def rates(*points, metric="cpu_iowait_seconds_total"):
    """The rates of windows of 5 s, of (second, value) readings of one counter."""
    rows = [
        (START + timedelta(seconds=second), "box", "host", "host", metric, value, None)
        for second, value in points
    ]
    samples = pl.DataFrame(rows, schema=dict(SAMPLES), orient="row")
    reduced = readings.reduce(samples, 5)
    valued, _ = readings.rates(reduced, pl.DataFrame(schema=dict(readings.CARRY)))
    return valued.sort("start")["value"].to_list()


def test_a_counter_is_its_growth_a_second():
    """The first window has nothing to grow from."""
    assert rates((0, 100.0), (5, 110.0), (10, 120.0)) == [None, 2.0, 2.0]


def test_a_gap_is_bridged_by_the_mean():
    """A host that stood still for an hour shows no burst when it goes on."""
    assert rates((0, 100.0), (3600, 136.0)) == [None, 0.01]


def test_a_reset_shows_what_came_since():
    """After a restart of the machine a counter begins with nought."""
    assert rates((0, 50_000.0), (100, 20.0)) == [None, 0.2]


@pytest.mark.parametrize("metric", ["cpu_iowait_seconds_total", "cpu_steal_seconds_total"])
def test_a_hair_back_is_no_reset(metric):
    """The kernel takes back some time of waiting: nothing happened, and surely not 10,000 s/s."""
    assert rates((0, 50_000.0), (5, 49_999.9), metric=metric) == [None, 0.0]


def test_a_clock_that_went_back_gives_no_rate():
    """No time passed, as far as the readings tell."""
    assert rates((5, 100.0), (5, 110.0))[-1] is None
