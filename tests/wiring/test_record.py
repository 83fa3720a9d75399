"""`record` and `up` as processes: recording this machine, and how they end."""

from __future__ import annotations

import signal
import time

import pytest
from tests.testbed.progress import at_work, head
from tests.wiring.command import Answer, boxwatch, finish, incidents, start, well

PATIENCE_S = 120


def wait_for(condition) -> None:
    """Until it holds, at most two minutes."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def stopped(child, data, number: signal.Signals, least: int = 2) -> Answer:
    """Send a signal once there are some batches, and wait for the end."""
    wait_for(lambda: at_work(data, child.pid) and head(data) >= least)
    child.send_signal(number)
    return finish(child)


@pytest.fixture
def fast(monkeypatch):
    """Turns of half a second."""
    monkeypatch.setenv("BOXWATCH_LIVE__BATCH_SECONDS", "0.5")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_ends_well_when_it_is_told_to(tmp_path, fast, number):
    """With 0; it said on standard error that it began, and nothing on standard output."""
    with start("up", "--data", tmp_path) as child:
        answer = stopped(child, tmp_path, number)
    assert answer.status == 0
    assert "Watching" in answer.err
    assert answer.out == ""


def test_up_for_programs_says_nothing_but_records(tmp_path, fast):
    """With --json, standard error is for errors."""
    with start("up", "--data", tmp_path, "--json") as child:
        answer = stopped(child, tmp_path, signal.SIGTERM)
    assert (answer.status, answer.err, answer.out) == (0, "", "")


def test_a_recording_survives_a_kill_and_is_replayed(tmp_path, fast):
    """Killed at work, started again, told to stop: one recording, every raw line a whole one."""
    tape = tmp_path / "tape"
    with start("record", tape) as child:
        stopped(child, tape, signal.SIGKILL, least=4)
    before = head(tape)
    with start("record", tape, "--json") as child:
        answer = stopped(child, tape, signal.SIGINT, least=before + 3)
    assert answer.status == 0
    assert answer.json["batches"] == head(tape) - before
    lines = [path.read_bytes() for path in (tape / "ingested").glob("host/*.jsonl")]
    assert lines
    assert all(text.endswith(b"}\n") for text in lines)
    done = well("replay", "--data", tape, "--into", tmp_path / "again", "--json").json
    assert done["batches"] == head(tape) == head(tmp_path / "again")


def test_normalize_takes_no_recording_twice(tmp_path, fast):
    """Its records are stored already; and it can be gone on with."""
    tape = tmp_path / "tape"
    well("record", tape, "--for", "4s")
    before = head(tape)
    assert well("normalize", "--data", tape, "--json").json["rows"] == 0
    assert head(tape) == before
    well("record", tape, "--for", "2s")


def test_a_folder_of_other_records_is_no_recording(way, tmp_path):
    """It is refused with what to do."""
    answer = boxwatch("record", way.data, "--for", "1s")
    assert answer.status == 2
    assert "Name a new folder" in answer.err


def test_models_may_be_taken_along(data, tmp_path):
    """A replay with the trained models judges from the first window; without, it learns."""
    found = {}
    for option in ("--with-models", None):
        into = tmp_path / f"into{option}"
        well("replay", "--data", data, "--into", into, *([option] if option else []))
        found[option] = (into / "models").is_dir(), incidents(into)
    assert found["--with-models"][0]
    assert not found[None][0]
    assert found["--with-models"][1]
