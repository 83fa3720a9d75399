"""`boxwatch normalize` killed at random instants stores every record once."""

from __future__ import annotations

import random
import shutil
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.testbed.progress import at_work, head
from tests.wiring.command import start, well

from boxwatch.sources.simulated import simulate
from boxwatch.store import EventStore

KILLS = 6


@pytest.fixture(scope="module")
def big(tmp_path_factory) -> Path:
    """Three and a half hours of raw records, by the hour: some batches."""
    root = tmp_path_factory.mktemp("big")
    begin = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
    simulate(root, seed=3, start=begin, hours=3.5, faults=())
    return root


def rows(data: Path) -> list[tuple[list[int], int]]:
    """Of every batch: the ids of its lines, and how many readings."""
    with EventStore.open(data, writable=False) as store:
        return [
            (batch.events.logs["event_id"].to_list(), batch.events.samples.height)
            for batch in store.batches()
        ]


def test_what_was_killed_is_whole_in_the_end(big, tmp_path):
    """The same batches with the same records as one run without a kill."""
    killed, alone = (shutil.copytree(big, tmp_path / name) for name in ("killed", "alone"))
    instants, stored = random.Random(5), []
    for life in range(KILLS):
        least = life // 2  # on a slow machine, too, it gets on between the kills
        with start("normalize", "--data", killed) as child:
            while child.poll() is None and not (
                at_work(killed, child.pid) and head(killed) >= least
            ):
                time.sleep(0.005)
            time.sleep(instants.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
        stored.append(head(killed))
    well("normalize", "--data", killed)
    well("normalize", "--data", alone)
    assert rows(killed) == rows(alone)
    assert any(0 < count < len(rows(alone)) for count in stored), "no kill met it at work"
    ids = [number for lines, _ in rows(killed) for number in lines]
    assert len(ids) == len(set(ids)) > 10_000
