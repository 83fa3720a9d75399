"""A model's life, with a classifier of flowers: nothing in it is about trouble on machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from boxwatch.errors import ModelError, StoreError, StoreLocked, UsageError
from boxwatch.lifecycle.evidence import Evidence
from boxwatch.lifecycle.gates import Limits
from boxwatch.lifecycle.life import Life
from boxwatch.lifecycle.task import Selected
from boxwatch.models import Saved
from boxwatch.store import Ledger, WriterLock, load_model, read_champions

KINDS = ("setosa", "virginica")


class Flowers:
    """Nearest mean of two kinds; `flip` learns from wrong labels, `empty` finds none."""

    name = "flowers"

    def __init__(self) -> None:
        self.seed = 1
        self.flip = False
        self.fails = False
        self.old = np.empty(0)  # means that are of an older format

    def recipe(self) -> Mapping[str, Any]:
        return {"flip": self.flip}

    def select(self):
        """A hundred flowers."""
        drawn = np.random.default_rng(self.seed)
        kind = drawn.integers(0, 2, 100)
        from_where = {"petal": drawn.normal(1.0 + 4.0 * kind, 0.5), "kind": kind}
        return Selected({"flowers": pl.DataFrame(from_where)}, {"from": "a meadow"})

    def train(self, rows: Mapping[str, pl.DataFrame], recipe: Mapping[str, Any]):
        """The mean of each kind."""
        if self.fails:
            raise ModelError("The flowers withered.")
        frame = rows["flowers"]
        means = np.array([frame.filter(kind=kind)["petal"].mean() for kind in (0, 1)])
        return {"flowers": Saved({"means": means[::-1] if recipe["flip"] else means}, {})}

    def measure(self, parts: Mapping[str, Saved], rows: Mapping[str, pl.DataFrame]) -> Evidence:
        """Right or wrong, flower by flower."""
        frame = rows["flowers"]
        means = parts["flowers"].arrays["means"]
        if np.array_equal(means, self.old):
            raise ModelError("The flowers are of another time.")
        guess = np.abs(frame["petal"].to_numpy()[:, None] - means).argmin(axis=1)
        right = (guess == frame["kind"].to_numpy()).astype(float)
        return Evidence(
            quality={str(number): one for number, one in enumerate(right.tolist())},
            accuracy=float(right.mean()),
        )


@pytest.fixture
def task() -> Flowers:
    """A meadow of flowers."""
    return Flowers()


@pytest.fixture
def ledger(tmp_path: Path):
    """An empty ledger."""
    found = Ledger.open(tmp_path, "flowers", writable=True)
    yield found
    found.close()


@pytest.fixture
def life(task: Flowers, ledger: Ledger, tmp_path: Path) -> Life:
    """The life of their models."""
    return Life(task, ledger, tmp_path)


def promoted(life: Life, version: int) -> bool:
    """Whether `version` became champion."""
    return life.promote(version, by="ann", why="new", limits=Limits()).done


def test_a_run_tells_what_it_was_made_of(life: Life) -> None:
    """Selection with its frozen rows, recipe with the code's version, artifacts."""
    run = life.train()
    assert (run.version, run.state, run.recipe["flip"]) == (1, "finished", False)
    assert run.selection["from"] == "a meadow"
    assert list(run.selection["rows"]) == list(run.parts) == ["flowers"]
    assert run.recipe["code"]


def test_a_sound_version_becomes_champion(life: Life, tmp_path: Path) -> None:
    """Through the gates, into the file that users of the model read."""
    run = life.train()
    assert promoted(life, 1)
    assert read_champions(tmp_path) == run.parts


def test_a_bad_version_is_refused_and_the_champion_stays(
    life: Life, task: Flowers, ledger: Ledger
) -> None:
    """Learned from wrong labels: worse than the champion and below the plain threshold."""
    life.train()
    promoted(life, 1)
    task.flip = True
    life.train()
    asked = life.promote(2, by="ann", why="new", limits=Limits())
    assert not asked.done
    assert {one.gate for one in asked.verdicts if not one.passed} == {"quality", "accuracy"}
    assert ledger.holder("champion") == 1
    assert "accuracy 0.0" in ledger.changes()[0].decision.why


def test_force_needs_a_reason_and_is_recorded(life: Life, task: Flowers, ledger: Ledger) -> None:
    """Who forced what, against which verdicts."""
    task.flip = True
    life.train()
    with pytest.raises(UsageError, match="reason"):
        life.promote(1, by="ann", why=" ", limits=Limits(), force=True)
    assert life.promote(1, by="ann", why="a drill", limits=Limits(), force=True).done
    change = ledger.changes()[0]
    assert (change.decision.by, change.decision.why) == ("ann", "forced: a drill")
    assert any(not one["passed"] for one in change.decision.evidence)


def test_rolling_back_gives_the_role_to_the_champion_before(
    life: Life, task: Flowers, ledger: Ledger
) -> None:
    """One command, and the history tells it."""
    life.train()
    promoted(life, 1)
    task.seed = 2
    life.train()
    assert promoted(life, 2)
    assert life.roll_back(by="ann", why="odd").version == 1
    assert [one.version for one in ledger.changes()] == [1, 2, 1]


def test_rolling_back_again_goes_further_back(life: Life, task: Flowers) -> None:
    """Not to the version that was just left; before the first there is none."""
    for number in (1, 2, 3):
        task.seed = number
        life.train()
        assert promoted(life, number)
    assert [life.roll_back(by="ann", why="odd").version for _ in range(2)] == [2, 1]
    with pytest.raises(UsageError, match="earlier champion"):
        life.roll_back(by="ann", why="odd")


def test_a_version_trained_again_is_the_same_to_the_last_bit(life: Life, task: Flowers) -> None:
    """From its own frozen rows, whatever there is to learn from by now."""
    life.train()
    task.seed, task.flip = 9, True
    again = life.reproduce(1)
    assert again.same
    assert again.now == again.then


def test_rows_that_are_gone_are_said_to_be_gone(life: Life, tmp_path: Path) -> None:
    """No other rows are taken in their place."""
    run = life.train()
    (tmp_path / "rows" / f"{run.selection['rows']['flowers']}.parquet").unlink()
    with pytest.raises(StoreError, match="removed"):
        life.reproduce(1)


def test_rows_that_were_changed_are_refused(life: Life, tmp_path: Path) -> None:
    """A flipped byte is another content than the name says."""
    run = life.train()
    path = tmp_path / "rows" / f"{run.selection['rows']['flowers']}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="refused"):
        life.reproduce(1)


def test_a_training_that_fails_is_told_and_leaves_no_version(
    life: Life, task: Flowers, ledger: Ledger
) -> None:
    """The reason stands in the ledger; the next one makes v1."""
    task.fails = True
    with pytest.raises(ModelError):
        life.train()
    assert (ledger.runs()[0].state, ledger.runs()[0].version) == ("failed", None)
    assert "withered" in ledger.runs()[0].outcome["reason"]
    task.fails = False
    assert life.train().version == 1


def test_a_champion_that_nobody_can_read_any_more_is_no_bar(
    life: Life, task: Flowers, ledger: Ledger
) -> None:
    """After an upgrade that changed models, the next version takes its place, and it is told."""
    old = life.train()
    promoted(life, 1)
    task.old = load_model(life._folder, old.parts["flowers"]).arrays["means"]
    task.seed = 2
    life.train()
    assert promoted(life, 2)
    told = next(one for one in ledger.changes()[0].decision.evidence if one["gate"] == "measured")
    assert "champion v1: The flowers are of another time" in told["text"]


def test_only_one_process_trains_at_a_time(life: Life, tmp_path: Path) -> None:
    """The second is told who does."""
    lock = WriterLock(tmp_path / "training.lock")
    with pytest.raises(StoreLocked):
        life.train()
    lock.release()
    assert life.train().version == 1
