"""Killed at random instants, a store loses nothing and doubles nothing."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store import tiny
from tests.store.killed import EVERY, batch_of, incident_of, weight

from boxwatch.store import EventStore, StateStore

KILLS = 16
REPOSITORY = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the writer and wait until its store is open."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed", *map(str, arguments)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def kill_at_random(seed: int, longest_s: float, *arguments: object) -> None:
    """Start the writer and kill it, again and again, at instants that the seed chooses."""
    instants = random.Random(seed)
    for life in range(KILLS):
        with start(*arguments, life) as child:
            time.sleep(instants.uniform(0, longest_s))
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL, "it came to its end before it was killed"


def finish(*arguments: object) -> None:
    """Let the writer come to its end."""
    with start(*arguments) as child:
        assert child.stdout is not None
        assert child.stdout.read() == "done\n"


@pytest.fixture(scope="module")
def survived(tmp_path_factory) -> Iterator[EventStore]:
    """A store whose writer was killed over and over while it appended, merged and saved."""
    root = tmp_path_factory.mktemp("killed") / "data"
    kill_at_random(1, 0.3, "append", root, 10**6)
    with EventStore.open(root, writable=True) as store:
        last = store.head().seq + 20
    finish("append", root, last, KILLS)
    with EventStore.open(root, writable=True) as store:
        yield store


def test_every_batch_is_there_once_and_whole(survived):
    """The batches are those that one undisturbed writer would have made."""
    found = list(survived.batches())
    assert [batch.seq for batch in found] == list(range(1, survived.head().seq + 1))
    for batch in found:
        made = batch_of(batch.seq)
        assert batch.events.logs.drop("host").equals(made.logs.drop("host"))
        assert batch.events.samples.drop("host").equals(made.samples.drop("host"))


def test_parts_were_merged_meanwhile(survived):
    """The kills met compaction too, and left no half-made file."""
    names = [path.name for path in survived.layout.events.rglob("*") if path.is_file()]
    assert any("-" in name for name in names)
    assert all(name.endswith(".parquet") for name in names)


def test_quarantine_is_exact(survived):
    """Each record set aside is in the file once."""
    (path,) = survived.layout.quarantine.iterdir()
    kept = sum(int(number % EVERY == 0) for number in range(1, survived.head().seq + 1))
    assert path.read_bytes().count(b"\n") == kept


def test_the_pipeline_knows_what_an_undisturbed_one_knows(survived):
    """The checkpoint and every incident are those of one run without a kill."""
    total, expected = 0, []
    for number in range(1, survived.head().seq + 1):
        total += weight(batch_of(number))
        if number % EVERY == 0:
            expected.append(incident_of(number, total))
    with StateStore.open(survived.layout.root) as state:
        assert state.incidents() == expected
        saved = state.load_checkpoint()
        assert saved is not None
        assert saved.stages["total"].decode() == expected[-1].title


def test_artifacts_are_ingested_once(tmp_path):
    """However often it is killed, ingesting ends with every line once."""
    raw, count = tmp_path / "ingested", 24_000
    for stamp in range(0, count, 2400):
        tiny.write(raw, "gpu", stamp, range(stamp, stamp + 2400), step=1)
        bad = tiny.write(raw, "docker", stamp, range(count + stamp, count + stamp + 120), step=20)
        bad.write_text(bad.read_text() + "half a li\n")
    kill_at_random(2, 0.2, "ingest", tmp_path)
    finish("ingest", tmp_path)
    with EventStore.open(tmp_path, writable=False) as store:
        found = sorted(map(int, store.logs().collect()["message"]))
        assert found == [
            *range(count),
            *(count + stamp + n for stamp in range(0, count, 2400) for n in range(120)),
        ]
        assert sum(tally.records for tally in store.quarantine().values()) == 10
