"""`boxwatch up` killed at random instants, again and again: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.testbed.progress import at_work, head

from boxwatch.store import EventStore, StateStore

KILLS = 30
PATIENCE_S = 240
EVERY_S = 20  # seconds of the recording in one batch
REPOSITORY = Path(__file__).parents[2]


def up(tape: Path, data: Path, checkpoint: str = "60s") -> subprocess.Popen[bytes]:
    """Start to watch the recording in a process of its own."""
    # One thread each: two of them run side by side, and tables are small.
    environment = {"POLARS_MAX_THREADS": "1", "BOXWATCH_LIVE__CHECKPOINT_SECONDS": checkpoint}
    return subprocess.Popen(
        [sys.executable, "-m", "boxwatch", "up", "--replay", str(tape), "--data", str(data)],
        cwd=REPOSITORY, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def stored(data: Path, batches: int) -> bool:
    """Whether so many batches are stored."""
    return head(data) >= batches


def saved(data: Path, batches: int) -> bool:
    """Whether the saved state covers so many batches."""
    with StateStore.open(data) as state:
        checkpoint = state.load_checkpoint()
        return checkpoint is not None and checkpoint.seq >= batches


def until(child: subprocess.Popen[bytes], holds: Callable[..., bool], *what: object) -> None:
    """Wait for it while the process lives."""
    end = time.monotonic() + PATIENCE_S
    while not holds(*what):
        assert child.poll() is None, "it came to its end before it was killed"
        assert time.monotonic() < end, "it does not get on"
        time.sleep(0.01)


def kill_at_random(tape: Path, data: Path) -> list[int]:
    """Kill it at instants that a seed chooses; returns how many batches there were each time.

    A life ends some batches after it began, on a slow machine as on a fast one; the last one ends
    after its state was saved.
    """
    instants, heads = random.Random(4), []
    for life in range(KILLS):
        least, last = head(data) + instants.randrange(5), life == KILLS - 1
        with up(tape, data, "1s" if last else "60s") as child:
            if life % 6 != 4:  # every sixth may be killed before it has begun
                until(child, at_work, data, child.pid)
                until(child, stored, data, least)
            if last:
                until(child, saved, data, least + 1)
            time.sleep(instants.uniform(0, 0.1))
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        heads.append(head(data))
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
    assert len(set(runs.heads)) > KILLS / 3
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
