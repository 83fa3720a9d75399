"""`boxwatch learn`: trains where there is a reason, tells why, and stands being killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from polars import col
from tests.wiring.command import Answer, boxwatch, finish, start, well
from tests.wiring.test_model_life import BEGAN, cut, happened, made, windows

from boxwatch.live import SHADOW_STAGE
from boxwatch.store import Layout, StateStore, read_champions

PATIENCE_S = 120
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def from_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows of these tests are of a day in spring; there is nobody to watch in shadow."""
    monkeypatch.setenv("BOXWATCH_MODELS__LEARN_FROM", "36500")
    monkeypatch.setenv("BOXWATCH_MODELS__SHADOW_FOR", "0")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with windows, in which nothing was trained."""
    return made(tmp_path / "data")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a first look; only to be copied."""
    folder = made(tmp_path_factory.mktemp("learned") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXWATCH_MODELS__LEARN_FROM", "36500")
        learned(folder)
    return folder


@pytest.fixture
def known(first: Path, tmp_path: Path) -> Path:
    """A data folder in which v1 is in use since a first look."""
    return Path(shutil.copytree(first, tmp_path / "data"))


def learned(data: Path, *words: str) -> dict[str, object]:
    """What one look did; None in it where it had no reason."""
    return well("learn", "--once", *words, "--data", data, "--json").json


def history(data: Path) -> list[dict[str, object]]:
    """All steps, the newest first."""
    return well("learn", "--history", "--data", data, "--json").json


def test_the_first_look_trains_and_the_next_waits(known: Path):
    """Each with its reason; the history has the one."""
    assert learned(known) == {"lesson": None, "waits_for": "nothing moved and nobody asked"}
    (lesson,) = history(known)
    assert (lesson["cause"], lesson["version"], lesson["state"]) == ("first", 1, "done")
    assert (lesson["why"], lesson["outcome"]) == ("nothing is in use yet", "v1 is in use")


def test_what_drifted_is_trained_anew_from_its_time_on(known: Path):
    """Named in the reason; windows of before are not learned from."""
    cut(known, windows(9, BEGAN + DAY, rows=6 * 360).with_columns(col("cpu_busy") + 0.5))
    lesson = learned(known)["lesson"]
    assert (lesson["cause"], lesson["why"]) == ("drift", "drifted: host cpu_busy")
    assert lesson["details"]["learned_from"]["start"] >= (BEGAN + DAY).isoformat()
    assert lesson["outcome"] == "v2 is in use"


def test_it_trains_by_the_calendar(known: Path, monkeypatch: pytest.MonkeyPatch):
    """Once so much time is over since the last training."""
    monkeypatch.setenv("BOXWATCH_MODELS__RETRAIN_EVERY", "1")
    assert "the next training is due" in learned(known)["waits_for"]


def test_a_person_may_have_it_at_once_and_is_asked_where_wanted(known: Path, monkeypatch):
    """With `models.promotion = manual` a version waits, and says for what."""
    monkeypatch.setenv("BOXWATCH_MODELS__PROMOTION", "manual")
    lesson = well("learn", "--now", "a new card", "--data", known, "--json").json["lesson"]
    assert (lesson["cause"], lesson["why"]) == ("command", "a new card")
    assert "boxwatch models promote v2" in lesson["outcome"]
    roles = {one["version"]: one["role"] for one in _versions(known)}
    assert roles == {"v2": "challenger", "v1": "champion"}
    well("models", "promote", "v2", "--data", known)
    assert {one["version"]: one["role"] for one in _versions(known)} == {"v2": "champion", "v1": ""}


def test_after_a_refusal_it_waits(known: Path):
    """Columns changed places: refused by the gate, told, and not tried again at once."""
    first, last = windows(2).columns[6], windows(2).columns[-1]
    swapped = windows(2, BEGAN + DAY).rename({first: last, last: first})
    cut(known, swapped.select(windows(2).columns))
    lesson = learned(known)["lesson"]
    assert "columns" in lesson["details"]["gates"]
    assert "columns swapped" in lesson["outcome"]
    assert "1 refused in a row: not before" in learned(known)["waits_for"]


@pytest.fixture
def shadowed(known: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which v2 scores beside v1."""
    monkeypatch.setenv("BOXWATCH_MODELS__SHADOW_FOR", "6h")
    lesson = well("learn", "--now", "a new card", "--data", known, "--json").json["lesson"]
    assert lesson["outcome"] == "v2 passed the gates and scores beside the champion"
    return known


def watched(data: Path, hours: float, alarms: int) -> None:
    """What a watcher would save after so long, in which v2 alarmed so often, and v1 never."""
    hour = [(BEGAN + timedelta(hours=one)).isoformat() for one in range(alarms + 1)]
    seen = {
        "version": 2,
        "began": BEGAN.isoformat(),
        "until": (BEGAN + timedelta(hours=hours)).isoformat(),
        "windows": int(hours * 360),
        "host_seconds": hours * 3600,
        "challenger": [{"host": "a", "start": one, "end": one} for one in hour[1:]],
        "champion": [],
    }
    with StateStore.open(data) as store:
        store.checkpoint(0, {SHADOW_STAGE: json.dumps(seen).encode()}, [])


def test_a_shadow_ends_after_its_time_and_not_before(shadowed: Path):
    """Then it is in use, and the history of the models has what was seen."""
    watched(shadowed, 5, alarms=0)
    assert learned(shadowed)["lesson"] is None
    watched(shadowed, 7, alarms=0)
    lesson = learned(shadowed)["lesson"]
    assert (lesson["cause"], lesson["version"]) == ("shadow", 2)
    assert lesson["outcome"].startswith("v2 is in use: in the shadow 0 alarms for nothing")
    roles = {one["version"]: one["role"] for one in _versions(shadowed)}
    assert roles == {"v2": "champion", "v1": ""}
    changes = well("models", "history", "--data", shadowed, "--json").json
    assert [one["gate"] for one in changes[1]["gates"]] == ["shadow: alarms", "shadow: faults"]


def test_one_that_alarms_for_nothing_is_refused_after_its_shadow(shadowed: Path):
    """It leaves the shadow, and the champion stays."""
    watched(shadowed, 7, alarms=6)
    lesson = learned(shadowed)["lesson"]
    assert "v2 is refused: in the shadow 6 alarms for nothing" in lesson["outcome"]
    roles = {one["version"]: one["role"] for one in _versions(shadowed)}
    assert roles == {"v2": "", "v1": "champion"}


def test_a_person_who_decides_is_told_what_the_shadow_showed(shadowed: Path, monkeypatch):
    """Once; it waits until then."""
    monkeypatch.setenv("BOXWATCH_MODELS__PROMOTION", "manual")
    watched(shadowed, 7, alarms=0)
    assert "boxwatch models promote v2" in learned(shadowed)["lesson"]["outcome"]
    assert learned(shadowed)["lesson"] is None


def test_incidents_are_not_learned_from(data: Path):
    """Their windows are left out, and the step says how many."""
    happened(data, BEGAN + timedelta(hours=1), minutes=10)
    assert learned(data)["lesson"]["details"]["excluded_windows"]["host"] > 0


def test_an_error_is_a_step_that_failed(tmp_path: Path):
    """Nothing to learn from: told, with what to do, and the exit status says so."""
    folder = made(tmp_path / "data")
    cut(folder, windows(1).head(0))
    answer = boxwatch("learn", "--once", "--data", folder, "--json")
    assert answer.status == 1
    assert answer.json["lesson"]["state"] == "failed"


def test_of_two_one_learns(known: Path):
    """The other says that one is at work, and changes nothing."""
    child = start("learn", "--every", "600s", "--data", known)
    try:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("Nothing to do")
        answer = boxwatch("learn", "--once", "--data", known)
        assert answer.status == 3
        assert "Another `boxwatch learn`" in answer.err
    finally:
        child.send_signal(signal.SIGTERM)
        assert finish(child).status == 0


def test_killed_at_any_instant_it_goes_on(data: Path):
    """Kill -9 after growing times: no half version is in use, and what was lost is told."""
    for wait in (0.0, 0.1, 0.3, 0.6):
        child = start("learn", "--once", "--data", data)
        _until(child, lambda: "running" in _steps(data))
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        finish(child)
    lesson = well("learn", "--now", "after all", "--data", data, "--json").json["lesson"]
    states = [one["state"] for one in history(data)]
    assert (states[0], set(states)) == ("done", {"done", "lost"})
    if lesson["outcome"].endswith("is in use"):
        assert champion_is_whole(data)


def champion_is_whole(data: Path) -> bool:
    """Whether every model in use can be read."""
    folder = Layout(data).models
    return all(
        (folder / name / "manifest.json").exists() for name in read_champions(folder).values()
    )


def _steps(data: Path) -> list[str]:
    answer: Answer = boxwatch("learn", "--history", "--data", data, "--json")
    return [one["state"] for one in answer.json] if answer.status == 0 else []


def _versions(data: Path) -> list[dict[str, str]]:
    return well("models", "list", "--data", data, "--json").json


def _until(child, holds) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
