"""`boxwatch up` killed at random instants, again and again: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from boxwatch.store import EventStore, StateStore

KILLS = 30
EVERY_S = 12  # seconds of the recording in one batch
REPOSITORY = Path(__file__).parents[2]


def up(tape: Path, data: Path, checkpoint: str = "60s") -> subprocess.Popen[bytes]:
    """Start to watch the recording in a process of its own."""
    # One thread each: two of them run side by side, and tables are small.
    environment = {"POLARS_MAX_THREADS": "1", "BOXWATCH_LIVE__CHECKPOINT_SECONDS": checkpoint}
    return subprocess.Popen(
        [sys.executable, "-m", "boxwatch", "up", "--replay", str(tape), "--data", str(data)],
        cwd=REPOSITORY, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def at_work(child: subprocess.Popen[bytes], data: Path) -> bool:
    """Whether it has opened its data folder: its number is in the lock."""
    lock = data / "lock"
    return lock.exists() and lock.read_text().strip() == str(child.pid)


def kill_at_random(tape: Path, data: Path) -> list[int]:
    """Kill it at instants that a seed chooses; returns how many batches there were each time."""
    instants, heads = random.Random(4), []
    for life in range(KILLS):
        with up(tape, data, "1s" if life % 2 else "60s") as child:
            if life % 6 != 5:  # every sixth may be killed before it has begun
                while not at_work(child, data):
                    assert child.poll() is None
                    time.sleep(0.005)
            time.sleep(instants.uniform(0, 1.2))
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL, "it came to its end before it was killed"
        if data.exists():
            with EventStore.open(data, writable=False) as store:
                heads.append(store.head().seq)
    return heads


@dataclass(frozen=True)
class Runs:
    """Two data folders made from one recording: one undisturbed, one killed all the time."""

    undisturbed: Path
    killed: Path
    heads: list[int]


@pytest.fixture(scope="module")
def runs(recording, tmp_path_factory) -> Runs:
    """Both, side by side."""
    root = tmp_path_factory.mktemp("kill")
    tape = recording.store(root / "tape", EVERY_S)
    with up(tape, root / "undisturbed") as other:
        heads = kill_at_random(tape, root / "killed")
        with up(tape, root / "killed") as last:
            pass
    assert (last.returncode, other.returncode) == (0, 0)
    return Runs(root / "undisturbed", root / "killed", heads)


def test_the_kills_met_it_at_work(runs):
    """It got on between them, and was not at its end before the last one."""
    assert runs.heads == sorted(runs.heads)
    assert len(set(runs.heads)) > KILLS / 5
    with EventStore.open(runs.killed, writable=False) as store:
        assert runs.heads[-1] < store.head().seq


def test_no_event_is_lost_or_doubled(runs, recording):
    """Batch by batch: the same lines and readings, at the same instants."""
    with (
        EventStore.open(runs.undisturbed, writable=False) as one,
        EventStore.open(runs.killed, writable=False) as other,
    ):
        logs = samples = 0
        for mine, theirs in zip(one.batches(), other.batches(), strict=True):
            assert (mine.seq, mine.now) == (theirs.seq, theirs.now)
            assert mine.events.logs.equals(theirs.events.logs)
            assert mine.events.samples.equals(theirs.events.samples)
            logs += mine.events.logs.height
            samples += mine.events.samples.height
        assert one.head() == other.head()
    assert (logs, samples) == (recording.events.logs.height, recording.events.samples.height)


def test_the_incidents_are_those_of_an_undisturbed_run(runs):
    """Every incident, word by word, and the state covers every batch."""
    with StateStore.open(runs.undisturbed) as one, StateStore.open(runs.killed) as other:
        assert len(one.incidents()) == 2
        assert one.incidents() == other.incidents()
        assert one.load_checkpoint().seq == other.load_checkpoint().seq
