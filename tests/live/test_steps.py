"""A long batch is judged in steps that lose nothing and keep the order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.schema import LOGS, SAMPLES, Events
from boxwatch.live.steps import steps

START = datetime(2026, 5, 6, 9, tzinfo=UTC)
HOUR = START + timedelta(hours=1)


def events(seconds: list[float], units: tuple[str, ...] = ("a",)) -> Events:
    """A line and a reading at each of these seconds, in this order, the units in turn."""
    rows = len(seconds)
    shared = {"time": [START + timedelta(seconds=s) for s in seconds], "host": ["box"] * rows}
    logs = dict.fromkeys(LOGS, [None] * rows) | shared | {"source": ["systemd"] * rows}
    logs |= {"event_id": list(range(rows)), "unit": [units[n % len(units)] for n in range(rows)]}
    samples = dict.fromkeys(SAMPLES, [None] * rows) | shared | {"source": ["host"] * rows}
    samples |= {"value": [float(number) for number in range(rows)]}
    return Events(
        logs=pl.DataFrame(logs, schema=dict(LOGS)),
        samples=pl.DataFrame(samples, schema=dict(SAMPLES)),
    )


@pytest.mark.parametrize("seconds", [[], [1.0, 5.0], [1.0, 179.0]])
def test_a_short_batch_is_one_step(seconds):
    """What watching brings is judged as it came."""
    whole = events(seconds)
    ((part, until),) = steps(whole, START, START + timedelta(seconds=180))
    assert part is whole
    assert until == START + timedelta(seconds=180)


def test_a_long_batch_is_cut_at_regular_instants():
    """An hour becomes steps of ten minutes, each with the lines up to its end."""
    parts = list(steps(events([10.0 * n for n in range(360)]), START, HOUR))
    assert len(parts) == 6
    for number, (part, until) in enumerate(parts, 1):
        assert until == START + timedelta(seconds=600 * number)
        assert part.logs["time"].max() < until
        assert part.logs.height == part.samples.height == 60


def test_time_in_which_nothing_came_costs_nothing():
    """Two lines an hour apart are two steps."""
    assert len(list(steps(events([1.0, 3590.0]), START, HOUR))) == 2


def test_a_line_with_a_wrong_clock_does_not_make_a_million_steps():
    """Ten years back or ahead, it is judged with its neighbours."""
    years = 10 * 366 * 86400.0
    parts = list(steps(events([5.0, -years, 1800.0, years, 3500.0]), None, HOUR))
    assert len(parts) <= 481
    assert max(until for _, until in parts) == HOUR


def test_a_clock_set_back_keeps_the_order():
    """Lines that repeat half an hour stay behind those that they came after."""
    seconds = [60.0 * n for n in range(50)] + [1500.0 + 60 * n for n in range(30)]
    parts = list(steps(events(seconds), START, HOUR))
    ids = pl.concat(part.logs["event_id"] for part, _ in parts).to_list()
    assert ids == list(range(80))


@given(
    st.lists(st.floats(-1e5, 1e5), max_size=40),
    st.none() | st.integers(-7200, 7200),
    st.integers(0, 90_000),
)
def test_nothing_is_lost_or_doubled(seconds, before, now):
    """Every row is in one step, in its unit's order; the instants rise to the batch's own."""
    end = START + timedelta(seconds=now)
    since = None if before is None else START + timedelta(seconds=before)
    parts = list(steps(events(seconds, ("a", "b")), since, end))
    for table in ("logs", "samples"):
        whole = pl.concat(getattr(part, table) for part, _ in parts)
        key = "event_id" if table == "logs" else "value"
        assert sorted(whole[key].to_list()) == list(range(len(seconds)))
    for unit in ("a", "b"):
        mine = pl.concat(part.logs.filter(unit=unit) for part, _ in parts)["event_id"]
        assert mine.is_sorted()
    untils = [until for _, until in parts]
    assert untils == sorted(untils)
    assert untils[-1] == end
