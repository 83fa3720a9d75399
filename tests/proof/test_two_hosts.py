"""Two hosts watched from a third over SSH: every fault is an incident on the right one."""

import time

import pytest

from boxwatch.bench.chaos.containers import IMAGE
from boxwatch.bench.collector import Collector, host_settings
from boxwatch.store import EventStore, StateStore

LIMIT_S = 120
CRASHING = "[Service]\nExecStart=/bin/sh -c 'echo no model >&2; exit 7'\nRestart=always\n"
FIRST = {("alpha", "unit-start-limit"), ("beta", "container-oom")}
THEN = {("alpha", "host-restarted"), ("beta", "host-unreachable")}
FAULTS = FIRST | THEN


def wait_for(holds, watcher):
    """Until `holds()`; fails when the watcher ends or it takes too long."""
    end = time.monotonic() + LIMIT_S
    while not holds():
        watcher.check()
        assert time.monotonic() < end, f"{seen(watcher)}\n{watcher.said()}"
        time.sleep(0.2)


def incidents(watcher):
    """All of them so far."""
    with StateStore.open(watcher.data) as state:
        return state.incidents()


def seen(watcher):
    """Which rules found something, on which host."""
    return {
        (incident.host, finding.name)
        for incident in incidents(watcher)
        for finding in incident.detections
    }


def answering(watcher):
    """Which sources of which host answer."""
    with EventStore.open(watcher.data, writable=False) as store:
        up = store.samples().collect().filter(metric="up", value=1.0)
        return set(up.select("host", "entity").iter_rows())


def over(watcher, name):
    """Whether the finding `name` was made and goes on no more."""
    found = [f for one in incidents(watcher) for f in one.detections if f.name == name]
    return found != [] and not any(finding.open for finding in found)


def crash_again_and_again(host):
    """A service that fails at every start, until systemd gives up on it."""
    host.run("tee", "/run/systemd/system/model.service", data=CRASHING.encode())
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "model.service")


def run_out_of_memory(host):
    """A container that takes more memory than it may have."""
    argv = ("docker", "run", "--detach", "--network=none", "--memory=16m", "--name=trainer")
    host.run(*argv, IMAGE, "tail", "/dev/zero")


@pytest.fixture(scope="module")
def watched(site, add):
    """The watcher, after all that was done to the two hosts."""
    alpha, beta = add("alpha"), add("beta", containers=True)
    watcher = Collector(site.folder / "watcher", host_settings(site, [alpha, beta]), site)
    watcher.start()
    try:
        watcher.wait_until_reading()
        wanted = {("alpha", "source:journald"), ("beta", "source:docker")}
        wait_for(lambda: wanted <= answering(watcher), watcher)
        crash_again_and_again(alpha)
        run_out_of_memory(beta)
        wait_for(lambda: seen(watcher) >= FIRST, watcher)
        beta.pull_cable()
        alpha.reboot()
        wait_for(lambda: seen(watcher) >= FAULTS, watcher)
        beta.plug_cable()
        wait_for(lambda: over(watcher, "host-unreachable"), watcher)
        yield watcher
    finally:
        watcher.stop()


def test_every_fault_is_an_incident_on_its_host(watched):
    """A crash loop and a restart on one, a container out of memory and a cut line on the other."""
    found = {
        (one.host, rule): one.id
        for one in incidents(watched)
        for rule in {finding.name for finding in one.detections}
        if (one.host, rule) in FAULTS
    }
    assert set(found) == FAULTS
    assert len(set(found.values())) == len(FAULTS)


def test_no_fault_is_told_of_the_other_host(watched):
    """What happened on one is not said of the other."""
    swapped = {("beta" if host == "alpha" else "alpha", kind) for host, kind in FAULTS}
    assert not seen(watched) & swapped


def test_records_carry_the_name_of_their_host(watched):
    """Nothing is stored under another name, such as the watcher's."""
    with EventStore.open(watched.data, writable=False) as store:
        hosts = set(store.logs().collect()["host"]) | set(store.samples().collect()["host"])
    assert hosts == {"alpha", "beta"}
