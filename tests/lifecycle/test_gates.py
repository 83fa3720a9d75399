"""Each gate refuses what it is there for, by name, and lets a sound version through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from boxwatch.lifecycle.drift import Profile
from boxwatch.lifecycle.evidence import Evidence
from boxwatch.lifecycle.gates import Limits, Verdict, check

DRAWN = np.random.default_rng(1)
ROWS = pl.DataFrame(
    {
        "temperature": DRAWN.normal(60.0, 5.0, 2_000),
        "power": DRAWN.normal(300.0, 40.0, 2_000),
        "errors": np.zeros(2_000),
        "retries": np.zeros(2_000),
    }
)
SWAPPED = ROWS.rename({"temperature": "power", "power": "temperature"}).select(ROWS.columns)
CHAMPION = Evidence(
    quality={f"case {number}": 0.8 for number in range(40)},
    false_alarms=1,
    normal_weeks=4.0,
    found={"hot": (19, 20), "stall": (12, 20)},
    strange_above=1.0,
    row_seconds=1e-5,
    bytes_at_rest=200_000,
    features={"gpu": tuple(ROWS.columns)},
    learned={"gpu": Profile.of(ROWS)},
    rows=2_000,
    artifacts={"gpu": "aa"},
    again={"gpu": "aa"},
)


def refusals(candidate: Evidence, champion: Evidence | None = CHAMPION) -> list[Verdict]:
    """The verdicts that did not pass."""
    return [one for one in check(candidate, champion, Limits()) if not one.passed]


def test_a_version_as_good_as_the_champion_passes() -> None:
    """The champion itself passes every gate, and every gate was asked."""
    assert refusals(CHAMPION) == []
    asked = {verdict.gate.split(":")[0] for verdict in check(CHAMPION, CHAMPION, Limits())}
    assert asked == {
        *("schema", "columns", "clean rows", "orientation", "quality", "budget", "faults"),
        *("speed", "size", "reproducible"),
    }


def test_the_first_version_has_nobody_to_be_compared_with() -> None:
    """Without a champion, absolute limits hold; too few faults found is still too few."""
    assert [one.gate for one in refusals(CHAMPION, None)] == ["faults: stall"]


@pytest.mark.parametrize(
    ("change", "gate", "cause"),
    [
        ({"contaminated": 37}, "clean rows", "trained on faulty time: 37 of 2000"),
        ({"strange_above": 0.03}, "orientation", "scores are reversed"),
        ({"strange_above": 0.7}, "orientation", "70.0%"),
        ({"learned": {"gpu": Profile.of(SWAPPED)}}, "columns", "columns swapped"),
        ({"row_seconds": 1e-4}, "speed", "10.0 times the champion's"),
        ({"bytes_at_rest": 2_000_000}, "size", "2.00 MB"),
        ({"features": {"gpu": ("power", "temperature")}}, "schema", "features gone"),
        ({"features": {"gpu": tuple(ROWS.columns[::-1])}}, "schema", "another order"),
        ({"false_alarms": 40}, "budget", "40 false alarms in 4.00 normal host weeks"),
        ({"found": {"hot": (10, 20)}}, "faults: hot", "10 of 20"),
        ({"accuracy": 0.8}, "accuracy", "0.800"),
        ({"again": {"gpu": "bb"}}, "reproducible", "gpu"),
        ({"quality": {f"case {n}": 0.7 for n in range(40)}}, "quality", "-0.100"),
    ],
)
def test_each_fault_of_a_version_is_refused_by_its_gate(
    change: dict[str, object], gate: str, cause: str
) -> None:
    """One thing is wrong: one gate refuses, and its text names the cause."""
    verdicts = refusals(replace(CHAMPION, **change))
    assert [one.gate for one in verdicts] == [gate]
    assert cause in verdicts[0].text


def test_swapped_columns_are_named() -> None:
    """Which feature has whose values; those that always look alike are not accused."""
    verdict = refusals(replace(CHAMPION, learned={"gpu": Profile.of(SWAPPED)}))[0]
    assert verdict.data == {"mistaken": {"temperature": "power", "power": "temperature"}}


def test_a_workload_that_changed_is_not_taken_for_swapped_columns() -> None:
    """A hotter machine is drift, no mistake."""
    hotter = ROWS.with_columns(pl.col("temperature") + 25.0)
    assert refusals(replace(CHAMPION, learned={"gpu": Profile.of(hotter)})) == []


def test_a_mean_that_hides_how_unsure_it_is_does_not_pass() -> None:
    """Equal on average over few cases that scatter: the interval reaches far below."""
    scattered = {f"case {n}": 0.8 + (0.2 if n % 2 else -0.2) for n in range(10)}
    assert [one.gate for one in refusals(replace(CHAMPION, quality=scattered))] == ["quality"]


def test_no_case_in_common_is_no_proof_of_quality() -> None:
    """Measured on other cases, nothing is known."""
    other = {f"another {n}": 1.0 for n in range(40)}
    assert [one.gate for one in refusals(replace(CHAMPION, quality=other))] == ["quality"]


def test_a_single_false_alarm_in_a_short_time_is_not_yet_too_many() -> None:
    """One in a day is within what one a week may give by chance; eight are not."""
    short = replace(CHAMPION, false_alarms=1, normal_weeks=1 / 7)
    assert refusals(short) == []
    assert [one.gate for one in refusals(replace(short, false_alarms=8))] == ["budget"]
