"""What `up` found on this very machine, a replay of its recording finds again."""

from __future__ import annotations

import os
import time

import pytest
from tests.wiring.command import finish, incidents, start, well

UP_S, LOAD_AFTER_S, LOAD_S = 62, 38, 12
BUSY = 1.2  # load average from which this machine is not quiet enough to learn from


def test_a_replay_gives_the_incidents_of_watching(tmp_path):
    """A minute of this machine with a storm on its processors: the same incidents, word by word."""
    load = os.getloadavg()[0]
    if load > BUSY:
        pytest.skip(f"this machine is busy: its load average is {load:.1f}")
    tape, again = tmp_path / "tape", tmp_path / "again"
    with start("up", "--for", f"{UP_S}s", "--data", tape) as watcher:
        time.sleep(LOAD_AFTER_S)  # thirty seconds to learn, and some to be quiet in
        well("stress", "cpu", "--for", f"{LOAD_S}s", "--data", tmp_path)
        assert finish(watcher).status == 0
    batches = well("replay", "--data", tape, "--into", again, "--json").json["batches"]
    assert batches >= UP_S / 5 - 3
    found = incidents(tape)
    assert [one for one in found if one["entity"] == "host"], "the storm was not noticed"
    assert incidents(again) == found
