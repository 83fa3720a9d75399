"""Windows cut on as they come are those that one cut gives, whatever happens in between."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from tests.live import recorded
from tests.wiring.command import well

from boxwatch.features import VIEWS
from boxwatch.pulse import unheard
from boxwatch.settings import load
from boxwatch.store import EventStore
from boxwatch.wiring.window_cutting import cut_on
from boxwatch.wiring.window_files import read_windows, windows_folder

KEY = ["start", "host", "entity"]


@pytest.fixture(scope="module")
def turns(tmp_path_factory) -> recorded.Turns:
    """Half an hour of two boxes in turns of a minute."""
    return recorded.record(tmp_path_factory.mktemp("made")).turns(60, until_s=1800)


def stored(folder: Path, turns: recorded.Turns) -> None:
    """Add `turns` to the store of `folder`."""
    with EventStore.open(folder, writable=True) as store:
        for events, now in turns:
            store.append(events, now, {})


def cut(folder: Path) -> int:
    """Cut on; how many windows came of it."""
    return cut_on(load(None, {}), folder, unheard)


def same(one: Path, other: Path) -> None:
    """Both folders hold the same windows."""
    for view in VIEWS.values():
        assert_frame_equal(read_windows(one, view).sort(KEY), read_windows(other, view).sort(KEY))


def test_cut_in_three_rounds_they_are_those_of_one_cut(tmp_path, turns):
    """And those that `boxwatch features` cuts; then there is nothing to do."""
    rounds, at_once = tmp_path / "rounds", tmp_path / "once"
    for low, high in ((0, 7), (7, 20), (20, 30)):
        stored(rounds, turns[low:high])
        assert cut(rounds) > 0
    assert cut(rounds) == 0
    stored(at_once, turns)
    well("features", "--data", at_once)
    same(rounds, at_once)


def test_what_a_killed_round_left_does_not_count(tmp_path, turns):
    """Files that were written, but not named yet: not read, and gone after the next round."""
    stored(tmp_path / "a", turns[:10])
    cut(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    named = (windows_folder(tmp_path / "a") / "cut.json").read_bytes()
    stored(tmp_path / "a", turns[10:15])
    cut(tmp_path / "a")
    shutil.copytree(
        windows_folder(tmp_path / "b"), windows_folder(tmp_path / "a"), dirs_exist_ok=True
    )
    (windows_folder(tmp_path / "a") / "cut.json").write_bytes(named)  # killed just before
    same(tmp_path / "a", tmp_path / "b")
    stored(tmp_path / "b", turns[10:15])
    cut(tmp_path / "a")
    cut(tmp_path / "b")
    same(tmp_path / "a", tmp_path / "b")
    folders = [windows_folder(tmp_path / name) for name in ("a", "b")]
    assert len({tuple(sorted(path.name for path in one.rglob("*"))) for one in folders}) == 1


def test_after_another_cut_all_is_cut_anew(tmp_path, turns):
    """`boxwatch features` in between, or other intervals: nothing is doubled."""
    stored(tmp_path, turns[:10])
    first = cut(tmp_path)
    well("features", "--data", tmp_path)
    assert cut(tmp_path) == first
    other = load(None, {"live.lateness_seconds": 2})
    assert cut_on(other, tmp_path, unheard) > 0
