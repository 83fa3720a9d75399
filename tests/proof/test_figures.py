"""What the figures of collecting are taken from: short looks at real watchers."""

import pytest

from boxwatch.bench import BenchOptions
from boxwatch.bench.chaos.containers import run_container
from boxwatch.bench.following import delays
from boxwatch.bench.many_hosts import many_hosts


@pytest.fixture(scope="module")
def speaking(add):
    """A host with a container that writes lines."""
    host = add("speaking", containers=True)
    run_container(host, "speaker", 20)
    return host


def test_delays_are_those_of_both_origins(site, speaking):
    """Of the journal and of the container; no line is stored before it was written."""
    found = delays(site, speaking, remote=True, watched_s=5, warm_s=0)
    assert {one.source for one in found} == {"docker", "systemd"}
    assert all(0 < one.percentile(0.5) <= one.percentile(0.99) for one in found)


def test_many_logins_to_one_host_are_as_many_hosts(speaking, tmp_path):
    """One process watches both, and each gives readings."""
    told = []
    options = BenchOptions(tmp_path, progress=lambda *step: told.append(step))
    figures = many_hosts(options, counts=(2,), baseline_s=0, watched_s=3)
    percent, _, peak, rows = (figure.value for figure in figures)
    assert percent > 0
    assert peak > 20
    assert rows > 0
    assert told
