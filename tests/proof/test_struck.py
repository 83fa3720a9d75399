"""A watcher and its host, struck while numbered lines are written: all are stored once."""

import pytest

from boxwatch.bench.chaos.running import Ordeal, endure
from boxwatch.bench.chaos.strikes import Strike

STRIKES = 6  # one of each kind
CUT_S = 5


@pytest.fixture(scope="module")
def outcome(site, add):
    """What came of it, over SSH."""
    add("probe", containers=True)  # skips where hosts with containers do not come up
    ordeal = Ordeal(kills=STRIKES, seed=7, rate=200, containers=("one",), cut_s=CUT_S, watched_s=3)
    return endure(site, ordeal)


def test_it_was_struck_in_every_way(outcome):
    """The watcher, sshd, journald and dockerd were killed, the line cut, the host paused."""
    assert outcome.struck == dict.fromkeys(Strike, 1)


def test_every_line_is_stored_once(outcome):
    """Of the journal and of the container: what the origin kept, no less and no more."""
    found = {one.writer: (one.kept > 100, one.lost, one.doubled) for one in outcome.accounts}
    assert found == {"journal": (True, 0, 0), "container one": (True, 0, 0)}


def test_no_gap_is_told_where_none_is(outcome):
    """A reading that was interrupted and goes on lost nothing."""
    assert outcome.gaps == [] or sum(one.discarded for one in outcome.accounts) > 0


def test_nothing_runs_on_the_host_afterwards(outcome):
    """Neither a follower whose watcher was killed, nor one whose sshd was."""
    assert outcome.left == []
