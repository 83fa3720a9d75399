"""What features remember: climbs, and who is expected to be there."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from tests.features.small_box import START

from boxwatch.features.climb import Climb
from boxwatch.features.roster import Roster

HOUR = 60  # minutes


def climbed(levels: list[float]) -> float:
    """How far the climb has come after these levels, one a minute."""
    climb = Climb(per_minute=1)
    return [climb.add(level) for level in levels][-1]


def growing(by: float, minutes: int, start: float = 0.2) -> list[float]:
    """Levels that grow by so much a minute."""
    return [start + by * minute for minute in range(minutes)]


def test_a_leak_adds_up():
    """A little every minute for an hour is a long way."""
    assert climbed(growing(0.003, HOUR)) == pytest.approx(0.003 * HOUR, rel=0.15)


@pytest.mark.parametrize(
    "levels",
    [
        [0.3] * HOUR,
        [0.3 + 0.05 * math.sin(minute) for minute in range(HOUR)],
        [0.1] * 20 + [0.7] * 40,
        growing(0.0001, HOUR),
        growing(0.003, 3),
        [0.3 + 0.012 * (minute % 5) for minute in range(HOUR)],
        [0.3 + 0.004 * (minute % 20) for minute in range(HOUR + 2)],
    ],
    ids=[
        *("level", "up and down", "a model is loaded", "slower than noise", "only just begun"),
        *("a cache that fills and empties", "one that fills slowly"),
    ],
)
def test_ordinary_use_is_no_climb(levels):
    """What stays, swings, jumps, creeps or has only begun."""
    assert climbed(levels) < 0.02


def test_a_climb_ends_when_growth_does():
    """A quarter of an hour without growth, and there is none any more."""
    assert climbed(growing(0.003, HOUR) + [0.38] * 15) == 0.0


def test_a_jump_within_a_climb_adds_nothing():
    """A model that is loaded meanwhile is not part of the leak."""
    leak = growing(0.003, HOUR)
    jumped = [level + (0.3 if minute >= 30 else 0.0) for minute, level in enumerate(leak)]
    assert climbed(jumped) == pytest.approx(climbed(leak), abs=0.02)


def test_unknown_levels_are_passed_over():
    """A reading that failed is neither growth nor an end of it."""
    leak = growing(0.003, HOUR)
    holes = [math.nan if minute % 7 == 3 else level for minute, level in enumerate(leak)]
    assert climbed(holes) == pytest.approx(climbed(leak), abs=0.03)


@pytest.mark.parametrize("cut", [1, 10, 37])
def test_a_saved_climb_goes_on(cut):
    """Wherever it is saved, the rest is the same."""
    levels = (
        np.array(growing(0.003, HOUR)) + np.random.default_rng(1).normal(0, 1e-3, HOUR)
    ).tolist()
    whole, first = Climb(per_minute=4), Climb(per_minute=4)
    expected = [whole.add(level) for level in levels for _ in range(4)]
    said = [first.add(level) for level in levels[:cut] for _ in range(4)]
    second = Climb.load(first.save())
    assert said + [second.add(level) for level in levels[cut:] for _ in range(4)] == expected


def slots(*minutes: float, host: str = "box") -> pl.DataFrame:
    """Windows of a host that start at these minutes."""
    starts = [START + timedelta(minutes=minute) for minute in minutes]
    return pl.DataFrame(
        {"host": [host] * len(starts), "start": starts},
        schema={"host": pl.String, "start": pl.Datetime("us", "UTC")},
    )


def present(entity: str, *minutes: float, host: str = "box") -> pl.DataFrame:
    """What came from an entity, and when."""
    return slots(*minutes, host=host).with_columns(entity=pl.lit(entity))


def rows(grid: pl.DataFrame, entity: str) -> list[float]:
    """The minutes for which `entity` is expected."""
    starts = grid.filter(entity=entity)["start"].to_list()
    return sorted((start - START).total_seconds() / 60 for start in starts)


def test_an_entity_is_expected_from_its_first_window_on():
    """Not before it was met, and whether or not something comes from it afterwards."""
    grid = Roster().grid(slots(0, 1, 2, 3), present("gpu:0", 1))
    assert rows(grid, "gpu:0") == [1, 2, 3]


def test_it_is_expected_for_an_hour_in_later_turns_too():
    """Then it is gone for good, until it comes back."""
    roster = Roster()
    roster.grid(slots(0), present("gpu:0", 0))
    nobody = present("gpu:0")
    assert rows(roster.grid(slots(30, 59), nobody), "gpu:0") == [30, 59]
    assert rows(roster.grid(slots(61, 90), nobody), "gpu:0") == []
    assert rows(roster.grid(slots(95, 96), present("gpu:0", 95)), "gpu:0") == [95, 96]


def test_hosts_do_not_expect_each_other_s_entities():
    """A card belongs to its host; a host that sends nothing has no windows."""
    roster = Roster()
    both = pl.concat([present("gpu:0", 0), present("gpu:1", 0, host="other")])
    grid = roster.grid(pl.concat([slots(0), slots(0, host="other")]), both)
    assert sorted(grid.select("host", "entity").rows()) == [("box", "gpu:0"), ("other", "gpu:1")]
    assert rows(roster.grid(slots(1), present("gpu:0")), "gpu:1") == []
