"""A challenger in the shadow is judged by its alarms beside the champion's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.lifecycle import Occasion, Shadowed, compare_alarms

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def at(*hours: float, place: str = "a") -> list[Occasion]:
    """Occasions of ten minutes, at so many hours."""
    return [
        Occasion(place, BEGAN + timedelta(hours=hour), BEGAN + timedelta(hours=hour, minutes=10))
        for hour in hours
    ]


def passed(mine, theirs, wrong=(), weeks=1 / 7) -> dict[str, bool]:
    """Which gates let it through after a day, at one false alarm a week."""
    seen = Shadowed(weeks, 8640, mine, theirs, wrong)
    return {one.gate.removeprefix("shadow: "): one.passed for one in compare_alarms(seen, 1.0)}


@pytest.mark.parametrize(
    ("mine", "theirs", "through"),
    [
        (at(), at(), True),
        (at(1), at(), True),  # one in a day is not surely beyond one in a week
        (at(1, 2, 3, 4, 5), at(), False),
        (at(1, 2, 3, 4, 5), at(1, 2, 3, 4, 5, 6), True),  # after drift the champion alarms more
    ],
)
def test_it_must_not_alarm_for_nothing_more_than_it_may(mine, theirs, through):
    """Beyond the budget for sure, and more than the champion."""
    assert passed(mine, theirs)["alarms"] is through


def test_alarms_of_what_was_wrong_are_not_for_nothing():
    """Where and when something was wrong; elsewhere they are."""
    mine = at(1, 2, 3, 4, 5)
    assert passed(mine, at(), wrong=at(1, 2, 3, 4, 5))["alarms"]
    assert not passed(mine, at(), wrong=at(1, 2, 3, 4, 5, place="b"))["alarms"]


def test_it_must_not_miss_what_the_champion_rightly_tells():
    """What the champion missed too counts for neither; nor does what was for nothing."""
    wrong = at(1, 2, 3)
    assert passed(at(1, 2, 3), at(1, 2, 3), wrong)["faults"]
    assert not passed(at(), at(1, 2, 3), wrong)["faults"]
    assert passed(at(), at(), wrong)["faults"]
    assert passed(at(), at(7, 8, 9), wrong)["faults"]


def test_the_verdicts_say_what_was_seen():
    """With the numbers behind them."""
    seen = Shadowed(1 / 7, 8640, at(1, 2), at(1), at(1))
    alarms, faults = compare_alarms(seen, 1.0)
    assert "1 alarms for nothing, the champion 0" in alarms.text
    assert (faults.data["faults"], faults.data["told"]) == (1, 1)
