"""A search tries options, gives up bad ones early, and goes on where it was killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from boxwatch.errors import ModelError
from boxwatch.models import Choice, Real, Whole

pytest.importorskip("optuna", reason="needs boxwatch[lifecycle]")
search = pytest.importorskip("boxwatch.lifecycle.search")
pytestmark = pytest.mark.filterwarnings("ignore")  # Optuna's own, and those of what it imports

SPACE = {
    "x": Real(-1.0, 1.0, 0.9),
    "n": Whole(1, 100, 10, log=True),
    "kind": Choice(("a", "b"), "a"),
}
USUAL = {name: one.usual for name, one in SPACE.items()}


def opened(folder: Path, seed: int = 0):
    """The study."""
    return search.Search(folder, "s", SPACE, seed=seed, beside=False)


def near_zero(values: Mapping[str, Any]) -> Iterator[float]:
    """The nearer x is to 0, the better; known after each of three steps."""
    for _ in range(3):
        yield 1.0 - abs(values["x"])


def run(one, trials: int, judge=near_zero, going_on=lambda: True) -> list[int]:
    """Try so many; after each, how many trials there were."""
    seen: list[int] = []
    one.run(judge, trials, going_on, lambda: seen.append(len(one.trials())))
    return seen


def test_the_usual_options_are_tried_first_and_better_ones_found(tmp_path: Path) -> None:
    """The first trial is what the others are held against."""
    one = opened(tmp_path)
    assert one.take_up(USUAL) == 0
    assert run(one, 15) == list(range(1, 16))
    trials = one.trials()
    assert trials[0].values == USUAL
    assert trials[0].objective == pytest.approx(0.1)
    assert max(trial.objective or 0.0 for trial in trials) > 0.5


def test_options_that_do_worse_are_given_up_early(tmp_path: Path) -> None:
    """After the first step, once others have shown what can be had."""
    one = opened(tmp_path)
    one.take_up(USUAL)
    run(one, 20)
    pruned = [trial for trial in one.trials() if trial.state == "pruned"]
    assert pruned
    assert min(len(trial.steps) for trial in pruned) == 1
    assert all(trial.objective is None for trial in pruned)


def test_what_was_begun_and_killed_is_tried_again(tmp_path: Path) -> None:
    """With the same options; the lost trial is told as failed."""

    class Killed(BaseException):
        pass

    def killed(values: Mapping[str, Any]) -> Iterator[float]:
        yield 0.5
        raise Killed

    one = opened(tmp_path)
    one.take_up(USUAL)
    run(one, 1)
    with pytest.raises(Killed):
        run(one, 1, killed)
    again = opened(tmp_path, seed=1)
    assert again.take_up(USUAL) == 1
    run(again, 1)
    _, lost, last = again.trials()
    assert (lost.state, last.state) == ("failed", "finished")
    assert last.values == lost.values


def test_options_that_cannot_be_fitted_do_not_end_the_search(tmp_path: Path) -> None:
    """The reason is kept with the trial."""

    def never(values: Mapping[str, Any]) -> Iterator[float]:
        raise ModelError("too many clusters")
        yield 0.0

    one = opened(tmp_path)
    one.take_up(USUAL)
    run(one, 2, never)
    assert [(trial.state, trial.why) for trial in one.trials()] == [
        ("failed", "too many clusters")
    ] * 2
    assert one.whole() == 0


def test_no_trial_begins_once_time_is_up(tmp_path: Path) -> None:
    """Those that ran are whole."""
    left = iter((True, True, False))
    one = opened(tmp_path)
    one.take_up(USUAL)
    assert run(one, 10, going_on=lambda: next(left)) == [1, 2]
    assert one.whole() == 2


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    """In two folders."""
    found = []
    for name in ("one", "other"):
        one = opened(tmp_path / name, seed=7)
        one.take_up(USUAL)
        run(one, 5)
        found.append([trial.values for trial in one.trials()])
    assert found[0] == found[1]
