"""The ledger tells what was trained and which version was in use when, and why."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boxwatch.clock import ManualClock
from boxwatch.errors import StoreError, UsageError
from boxwatch.store import Decision, Ledger, read_champions, write_champions

START = datetime(2026, 1, 1, tzinfo=UTC)
BY_HAND = Decision("ann", "looks better")


@pytest.fixture
def ledger(tmp_path: Path):
    """An empty ledger whose clock stands still."""
    found = Ledger.open(tmp_path, "detectors", writable=True, clock=ManualClock(START))
    yield found
    found.close()


def trained(ledger: Ledger, artifact: str) -> int:
    """A version whose one part is `artifact`."""
    return ledger.finish(ledger.begin({"seed": 0}, {"hosts": ["a"]}), {"gpu": artifact}, {"x": 1})


def test_a_run_that_ends_makes_a_version(ledger: Ledger) -> None:
    """Versions count from 1; what went in and what came out is told."""
    assert [trained(ledger, "aa"), trained(ledger, "bb")] == [1, 2]
    run = ledger.version(2)
    assert (run.state, run.parts, run.recipe["seed"]) == ("finished", {"gpu": "bb"}, 0)
    assert (run.began, run.ended, run.selection) == (START, START, {"hosts": ["a"]})


def test_a_run_that_failed_says_why_and_makes_no_version(ledger: Ledger) -> None:
    """The next run's version follows the last that came to its end."""
    trained(ledger, "aa")
    ledger.fail(ledger.begin({}, {}), "no room left")
    assert trained(ledger, "bb") == 2
    assert ledger.runs()[1].outcome["reason"] == "no room left"


def test_a_run_whose_process_is_gone_is_lost(ledger: Ledger) -> None:
    """When the next one begins, what has not ended never will."""
    ledger.begin({}, {})
    trained(ledger, "aa")
    assert [run.state for run in ledger.runs()] == ["finished", "lost"]


def test_the_champion_is_written_for_the_watcher(ledger: Ledger, tmp_path: Path) -> None:
    """Promotion and rollback change the file that the watcher reads."""
    trained(ledger, "aa"), trained(ledger, "bb")
    assert ledger.give("champion", 1, None, BY_HAND)
    assert ledger.give("champion", 2, 1, BY_HAND)
    assert read_champions(tmp_path) == {"gpu": "bb"}
    assert ledger.give("champion", 1, 2, Decision("ann", "rolled back"))
    assert read_champions(tmp_path) == {"gpu": "aa"}
    assert ledger.changes()[0].decision.why == "rolled back"


def test_of_two_promotions_at_once_one_wins_and_the_history_tells_both(tmp_path: Path) -> None:
    """Eight at once, each having compared with the same champion."""
    first = Ledger.open(tmp_path, "detectors", writable=True)
    for number in range(8):
        trained(first, f"a{number}")
    won = []

    def promote(version: int) -> None:
        mine = Ledger.open(tmp_path, "detectors", writable=True)
        won.append(mine.give("champion", version, None, Decision(f"person {version}", "mine")))
        mine.close()

    threads = [threading.Thread(target=promote, args=(version,)) for version in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    changes = first.changes()
    winner = next(one for one in changes if one.done)
    assert len(changes) == 8
    assert all(
        f"v{winner.version} had become" in one.decision.why for one in changes if not one.done
    )
    assert read_champions(tmp_path) == first.version(winner.version).parts


def test_a_crash_before_the_file_was_written_is_made_good(ledger: Ledger, tmp_path: Path) -> None:
    """The changes are the truth; whoever opens the ledger next makes the file follow."""
    trained(ledger, "aa")
    ledger.give("champion", 1, None, BY_HAND)
    write_champions(tmp_path, {"gpu": "something old"})
    Ledger.open(tmp_path, "detectors", writable=True).close()
    assert read_champions(tmp_path) == {"gpu": "aa"}


def test_a_refusal_leaves_the_champion_and_is_told(ledger: Ledger) -> None:
    """Its evidence is kept."""
    trained(ledger, "aa"), trained(ledger, "bb")
    ledger.give("champion", 1, None, BY_HAND)
    ledger.refuse("champion", 2, Decision("gates", "worse", [{"gate": "quality", "value": 0.1}]))
    assert ledger.holder("champion") == 1
    assert ledger.changes()[0].decision.evidence == [{"gate": "quality", "value": 0.1}]


def test_tasks_have_versions_and_champions_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    """An image classifier does not take the detectors' place."""
    trained(ledger, "aa")
    other = Ledger.open(tmp_path, "images", writable=True)
    assert other.finish(other.begin({}, {}), {"images": "bb"}, {}) == 1
    assert other.holder("champion") is None
    ledger.give("champion", 1, None, BY_HAND)
    other.give("champion", 1, None, BY_HAND)
    assert read_champions(tmp_path) == {"gpu": "aa", "images": "bb"}
    other.close()


def test_an_unknown_version_is_named_with_those_there_are(ledger: Ledger) -> None:
    """The error says what may be asked for."""
    trained(ledger, "aa")
    with pytest.raises(UsageError, match=r"v9.*v1 to v1"):
        ledger.version(9)


def test_a_folder_without_a_ledger_cannot_be_read(tmp_path: Path) -> None:
    """Reading makes no file."""
    with pytest.raises(StoreError):
        Ledger.open(tmp_path, "detectors", writable=False)
    assert list(tmp_path.iterdir()) == []


def test_times_are_those_of_the_clock(tmp_path: Path) -> None:
    """Each change carries its instant."""
    clock = ManualClock(START)
    ledger = Ledger.open(tmp_path, "detectors", writable=True, clock=clock)
    trained(ledger, "aa")
    clock.set(START + timedelta(hours=1))
    ledger.give("champion", 1, None, BY_HAND)
    assert ledger.changes()[0].at == START + timedelta(hours=1)
    ledger.close()
