"""What creeps over days and what fills up: found in time, told in numbers; rhythms are neither."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.slow.boxes import START, Boxes, frame, hours

from boxwatch.clock import to_micros
from boxwatch.detections import Detection
from boxwatch.detections.degradation import Degradation
from boxwatch.features.blocks import BLOCKS
from boxwatch.features.filling import filling
from boxwatch.features.hours import HOURS, LEVELS, Hours
from boxwatch.features.trends import at_equal_load, by_day, trend
from boxwatch.live.state import flatten, unflatten
from boxwatch.store import pack, unpack

Course = Callable[[float], float]  # hours since START -> value

SIZE = 2e12


def level(name: str, hour: float) -> float:
    """An ordinary value of a metric at an hour: days have a rhythm."""
    rng = np.random.default_rng([int(hour), len(name), ord(name[0])])
    rhythm = float(np.sin(2 * np.pi * (hour - 9) / 24))
    power = 0.5 + 0.3 * rhythm
    return {
        "temperature": 30 + 45 * power + 2 * rhythm + rng.normal(0, 0.5),
        "power": 700 * power,
        "clock": rng.normal(0.95, 0.003),
        "ecc": float(rng.poisson(0.05)),
        "memory": 0.4 + 0.1 * rhythm + rng.normal(0, 0.005),
        "room": 0.5 + rng.normal(0, 0.0003),
    }[name]


def found(days: float, **changes: Course) -> list[Detection]:
    """What one card, its box and its disk lead to; `changes` are added to ordinary values."""
    watch, said = Degradation(), {}
    for hour in range(int(24 * days)):
        for one in watch.add(_hour(hour, changes)):
            said[one.id] = one
    return list(said.values())


def _hour(hour: int, changes: dict[str, Course]) -> pl.DataFrame:
    """Four blocks of an hour, which is as much as an hour needs."""
    values = {
        name: level(name, hour) + changes.get(name, lambda _: 0.0)(hour)
        for name in ("temperature", "power", "clock", "ecc", "memory", "room")
    }
    card, errors = ("box", "gpu:0"), values["ecc"] / 3600
    rows = {
        (*card, "temperature_celsius"): (values["temperature"], 0.0),
        (*card, "power_draw_watts"): (values["power"], 0.0),
        (*card, "power_limit_watts"): (700.0, 0.0),
        (*card, "utilization_ratio"): (0.9, 0.0),
        (*card, "clock_sm_hertz"): (2e9 * values["clock"], 0.0),
        (*card, "clock_sm_max_hertz"): (2e9, 0.0),
        (*card, "ecc_corrected_total"): (errors, 0.0),
        ("box", "host", "memory_total_bytes"): (512e9, 0.0),
        ("box", "host", "memory_available_bytes"): (512e9 * (1 - values["memory"]), 0.0),
        ("box", "fs:/", "size_bytes"): (SIZE, 0.0),
        ("box", "fs:/", "available_bytes"): (SIZE * (1 - values["room"]), 0.0),
    }
    return pl.concat(frame(rows, START + hours(hour + minute / 60)) for minute in (0, 15, 30, 45))


def after(day: float, per_day: float) -> Course:
    """Nothing until a day, then so much more every day."""
    return lambda hour: max(0.0, hour / 24 - day) * per_day


def test_days_as_days_are_are_no_finding() -> None:
    """Two weeks with warm afternoons, work by day, and memory that follows it."""
    assert found(15) == []


def test_a_card_that_gets_hotter_at_equal_power_is_found() -> None:
    """A degree and a half a day from the third day on; told before it is ten degrees hotter."""
    (one,) = found(9, temperature=after(3, 1.5))
    assert (one.name, one.entity, one.open) == ("gpu-temperature-rising", "gpu:0", True)
    assert one.start < START + hours(24 * 9)
    assert to_micros(one.start) % 3_600_000_000 == 0
    assert "at equal power it runs " in one.reasons[0].text
    assert "°C hotter than" in one.reasons[0].text


def test_a_card_that_works_more_is_hotter_and_well() -> None:
    """The temperature follows the power, day by day more of it."""
    more = after(0, 12.0)
    assert found(10, power=more, temperature=lambda hour: more(hour) / 700 * 45) == []


def test_a_step_is_told_as_a_step() -> None:
    """From the sixth day on the card is nine degrees hotter at equal power."""
    (one,) = found(8, temperature=lambda hour: 9.0 * (hour >= 144))
    assert "hotter for a day than at the same hours of the" in one.reasons[0].text
    assert START + hours(150) < one.start <= START + hours(172)


def test_clocks_that_fall_at_equal_load_are_found() -> None:
    """Two per cent a day."""
    (one,) = found(10, clock=after(3, -0.02))
    assert one.name == "gpu-clock-falling"
    assert "% lower" in one.reasons[0].text


def test_corrected_errors_that_come_more_and_more_are_found() -> None:
    """From one a day to a hundred: told with how many there are in a day."""
    (one,) = found(10, ecc=after(3, 1.0))
    assert one.name == "gpu-ecc-rising"
    assert "corrected memory errors a day grew" in one.reasons[0].text


def test_a_leak_of_days_is_found_under_the_rhythm_of_the_days() -> None:
    """Four per cent of the memory a day, where each day swings by twenty."""
    (one,) = found(9, memory=after(0, 0.04))
    assert (one.name, one.entity) == ("host-memory-growing", "host")
    assert "memory is full in" in one.reasons[0].text


def test_a_disk_that_fills_within_hours_says_when_it_is_full() -> None:
    """Two per cent an hour: told within the first half day, with hours left and why."""
    (one,) = found(1.4, room=after(0.5, 0.48))
    assert (one.name, one.entity, str(one.severity)) == ("disk-filling-slowly", "fs:/", "medium")
    assert one.start <= START + hours(12 + 10)
    assert one.reasons[0].text.startswith("/ is full in ")
    assert " h at this rate: " in one.reasons[0].text
    assert "2.0 % (40." in one.reasons[0].text


def test_a_disk_that_fills_within_days_says_so() -> None:
    """Five per cent a day: full in more than a week."""
    (one,) = found(6, room=after(0, 0.05))
    assert str(one.severity) == "low"
    assert "days at this rate" in one.reasons[0].text


def test_a_disk_that_is_cleaned_every_night_does_not_fill() -> None:
    """It grows by 30 % a day and is emptied at midnight: known from the second day on."""
    nights = found(5, room=lambda hour: 0.3 * (hour % 24) / 24)
    assert all(one.start < START + hours(24) and not one.open for one in nights)


def test_a_finding_ends_when_what_crept_is_mended() -> None:
    """The dust is blown out on the eighth day: over when the days show it."""
    rise = after(2, 2.5)
    (one,) = found(12, temperature=lambda hour: rise(hour) if hour < 180 else 0.0)
    assert not one.open
    assert one.end > START + hours(180)


@pytest.mark.parametrize("days", [1.0, 2.0])
def test_three_days_are_needed_for_a_trend(days: float) -> None:
    """Whatever happens within two days is no trend of days."""
    assert found(days, temperature=after(0, 6.0)) == []


def test_unknown_hours_are_left_out() -> None:
    """A card that is read only by day gets hotter all the same."""
    watch, said = Degradation(), []
    for hour in range(24 * 8):
        block = _hour(hour, {"temperature": after(1, 3.0)})
        if 8 <= hour % 24 < 20:
            said += watch.add(block)
    assert {one.name for one in said} == {"gpu-temperature-rising"}


def test_a_saved_watch_goes_on() -> None:
    """From the bytes of its state it says what an uninterrupted one says."""
    changes = {"temperature": after(1, 3.0)}
    watch, said = Degradation(), {}
    for hour in range(24 * 6):
        if hour % 40 == 0:
            state = pack(flatten({"watch": watch.save()}))
            watch = Degradation()
            watch.load(unflatten(unpack(state))["watch"])
        said |= {one.id: one for one in watch.add(_hour(hour, changes))}
    assert list(said.values()) == found(6, **changes) != []


def test_hours_keep_two_weeks() -> None:
    """Older hours are overwritten, and what is not there any more is forgotten."""
    kept = Hours()
    kept.add(Boxes(cards=1).block(0))
    for day in range(1, 18):
        rows = {("box", "fs:/", "size_bytes"): (1e12, 0.0)}
        rows["box", "fs:/", "available_bytes"] = 5e11, 0.0
        for minutes in (0, 5, 10, 15):
            kept.add(frame(rows, START + hours(24 * day + minutes / 60)))
    assert kept.rings["room"].keys == [("box", "fs:/")]
    assert kept.rings["room"].y.shape == (1, HOURS)
    assert np.isfinite(kept.rings["room"].y).sum() <= HOURS // 24


def test_no_blocks_close_no_hour() -> None:
    """Nothing comes of nothing."""
    assert Hours().add(pl.DataFrame(schema=dict(BLOCKS))) == []
    assert Degradation().add(pl.DataFrame(schema=dict(BLOCKS))) == []


def test_a_clock_that_goes_back_changes_no_past() -> None:
    """Hours that are known already stay as they were."""
    kept = Hours()
    for hour in range(3):
        kept.add(_hour(hour, {}))
    before = kept.rings["room"].y.copy()
    kept.add(_hour(0, {"room": lambda _: 0.3}))
    kept.add(_hour(2, {}))
    np.testing.assert_array_equal(kept.rings["room"].y, before)


@settings(max_examples=20, deadline=None)
@given(slope=st.floats(-3, 3), seed=st.integers(0, 2**32 - 1))
def test_the_slope_of_days_is_found_through_their_rhythm(slope: float, seed: int) -> None:
    """A line under a rhythm of the day, with power that moves what is measured."""
    rng = np.random.default_rng(seed)
    time = np.arange(HOURS)
    x = np.clip(0.5 + 0.3 * np.sin(2 * np.pi * time / 24) + rng.normal(0, 0.1, (1, HOURS)), 0, 1)
    y = 3 * np.sin(2 * np.pi * (time - 5) / 24) + 45 * x + slope * time / 24
    found_slope = trend(by_day(at_equal_load(y + rng.normal(0, 0.3, (1, HOURS)), x, 40.0)), 1.0)
    assert found_slope.slope[0] == pytest.approx(slope, abs=0.05 + 0.02 * abs(slope))


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)))
def test_rows_do_not_depend_on_each_other(order: list[int]) -> None:
    """The trends of rows in another order are those of the rows."""
    rng = np.random.default_rng(3)
    y = rng.normal(0, 1, (6, HOURS))
    y[2, :200] = np.nan
    y[4] = np.nan
    plain, mixed = trend(by_day(y), 1.0), trend(by_day(y[order]), 1.0)
    np.testing.assert_array_equal(plain.t[order], mixed.t)
    np.testing.assert_array_equal(filling(y).t[order], filling(y[order]).t)


def test_random_walks_of_days_stay_within_the_budget() -> None:
    """Levels that wander from day to day: alarms in less than one of 200 fortnights a level."""
    rng = np.random.default_rng(8)
    days = np.zeros((2000, 15))
    for day in range(1, 15):
        days[:, day] = 0.6 * days[:, day - 1] + rng.normal(0, 0.8, 2000)
    time = np.arange(HOURS)
    y = np.array([np.interp(time, np.arange(15) * 24, row) for row in days])
    t = trend(by_day(y + rng.normal(0, 0.5, y.shape)), LEVELS["temperature"].spread)
    large = (t.slope * (t.days - 1) >= LEVELS["temperature"].floor) & (t.t > 3.5)
    assert large.mean() < 0.005
