"""The list of injected faults: schedule, spacing, saving."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from boxwatch.errors import UsageError
from boxwatch.sources.simulated import FAULTS, Truth, simulate
from boxwatch.sources.simulated.schedule import plan
from boxwatch.sources.simulated.world import Span

DAY = Span(datetime(2026, 5, 4, tzinfo=UTC), 86400)
SEEDS = range(1, 40)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_holds_every_fault_once(seed: int) -> None:
    """In 24 hours each kind comes exactly once."""
    names = [planned.kind.name for planned in plan(DAY, seed, list(FAULTS.values()))]
    assert sorted(names) == sorted(FAULTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_are_apart_and_leave_commissioning_alone(seed: int) -> None:
    """Nothing comes in the first two hours, and 25 minutes lie between faults."""
    windows = [planned.window for planned in plan(DAY, seed, list(FAULTS.values()))]
    assert windows[0].start >= 7200
    assert windows[-1].end <= 86400
    assert all(after.start - before.end >= 1500 for before, after in pairwise(windows))


def test_faults_last_as_their_kind_says() -> None:
    """A window is as long as the table allows for its kind."""
    for planned in plan(DAY, 5, list(FAULTS.values())):
        low, high = planned.kind.minutes
        assert 60 * low - 1 <= planned.window.seconds <= 60 * high + 1


def test_order_depends_on_the_seed() -> None:
    """Another seed, another order."""
    orders = {tuple(p.kind.name for p in plan(DAY, seed, list(FAULTS.values()))) for seed in SEEDS}
    assert len(orders) == len(SEEDS)


def test_short_runs_hold_fewer_faults() -> None:
    """Four hours have room for some, an eighth of an hour for none."""
    four = plan(Span(DAY.start, 4 * 3600), 1, list(FAULTS.values()))
    assert 1 <= len(four) < 8
    assert plan(Span(DAY.start, 450), 1, list(FAULTS.values())) == []


def test_two_days_hold_every_fault_twice() -> None:
    """A long run goes through the table once a day."""
    planned = plan(Span(DAY.start, 2 * 86400), 1, list(FAULTS.values()))
    assert len(planned) == 2 * len(FAULTS)


def test_truth_survives_saving(tmp_path: Path) -> None:
    """What `save` writes, `load` reads."""
    truth = simulate(tmp_path, seed=2, start=DAY.start, hours=3)
    assert len(truth) > 0
    assert Truth.load(tmp_path) == truth


def test_truth_says_when_commissioning_ends(tmp_path: Path) -> None:
    """A quarter of a short run is left alone, and the truth says so."""
    truth = simulate(tmp_path, seed=2, start=DAY.start, hours=3)
    assert truth.quiet_until == DAY.start + timedelta(minutes=45)
    assert all(fault.start >= truth.quiet_until for fault in truth)


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 1}', "{"])
def test_damaged_truth_is_explained(tmp_path: Path, text: str) -> None:
    """A file that is no list of faults is named in the error."""
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(UsageError, match=r"truth\.json"):
        Truth.load(tmp_path)


def test_missing_truth_is_explained(tmp_path: Path) -> None:
    """A folder without a list of faults is named in the error."""
    with pytest.raises(UsageError, match=r"truth\.json"):
        Truth.load(tmp_path)
