import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from boxwatch.bench.stress import Load, loads, run
from boxwatch.errors import EnvironmentFault, UsageError

STRESS = [sys.executable, "-m", "boxwatch", "stress"]


def workers_of(pid):
    """The processes that `pid` started and theirs, by number."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:
                continue
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {pid}


def alive(pids):
    """Those of `pids` that still run; a zombie does not."""
    left = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                left.add(pid)
        except OSError:
            continue
    return left


def until(condition, seconds=60):
    """Whether `condition` came true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_cpu_uses_every_core(tmp_path):
    """One worker process a core, and they compute rather than wait."""
    report = run(Load.CPU, 1.0, tmp_path)
    assert report.workers == len(os.sched_getaffinity(0))
    assert report.did["busy_seconds"] > 0


def test_memory_is_held_and_bounded(tmp_path):
    """A hundredth of the most it may be is held, and no more."""
    bound = loads.available_memory() * 0.6 * 0.01
    held = run(Load.MEMORY, 1.0, tmp_path, share=0.01).did["held_bytes"]
    assert 0 < held <= bound * 1.5  # what is available moves between the two readings


def test_disk_leaves_nothing(tmp_path):
    """It writes and syncs, and no file stays."""
    folder = tmp_path / "new"
    if loads.disk_room(tmp_path) < 64 << 20:
        pytest.skip("less than a tenth of the file system is free")
    assert run(Load.DISK, 1.0, folder, share=0.05).did["written_bytes"] > 0
    assert list(folder.iterdir()) == []


def test_disk_needs_room(tmp_path, monkeypatch):
    """Where a tenth would not stay free, nothing is written."""
    monkeypatch.setattr(loads, "DISK_KEPT_FREE", 1.0)
    assert loads.disk_room(tmp_path) == 0
    with pytest.raises(EnvironmentFault, match="too little room"):
        run(Load.DISK, 1.0, tmp_path)


def test_network_sends_to_itself(tmp_path):
    """Bytes flow for as long as asked."""
    report = run(Load.NETWORK, 1.0, tmp_path)
    assert report.did["sent_bytes"] > 0


def test_processes_come_and_go(tmp_path):
    """A hundredth of the most is four children, and none stays."""
    assert run(Load.PROCESSES, 2.0, tmp_path, share=0.01).did["children"] == 4
    assert alive(workers_of(os.getpid())) == set()


@pytest.mark.parametrize(
    ("seconds", "share"), [(601, 1.0), (0, 1.0), (-1, 1.0), (1, 0.0), (1, 1.5)]
)
def test_bounds_are_kept(tmp_path, seconds, share):
    """More than ten minutes, nothing, or more than the most is refused."""
    with pytest.raises(UsageError, match="is not allowed"):
        run(Load.CPU, seconds, tmp_path, share)


def test_progress_is_told(tmp_path):
    """Whoever waits hears how far it is."""
    told = []
    run(Load.PROCESSES, 1.0, tmp_path, 0.01, lambda *said: told.append(said))
    assert told[0][0] == "processes load"
    assert told[-1][1] > told[0][1]


def test_the_command_prints_what_was_done(tmp_path):
    """As JSON: the kind, the workers and what they did."""
    done = subprocess.run(
        [*STRESS, "processes", "--for", "1s", "--share", "1%", "--json"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert (report["kind"], report["did"]) == ("processes", {"children": 4.0})


@pytest.mark.parametrize("load", ["cpu", "processes"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_command(tmp_path, load, number):
    """Stopped, interrupted or killed: the load ends with whoever asked for it."""
    with subprocess.Popen(
        [*STRESS, load, "--for", "60s", "--share", "5%"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as process:
        assert until(lambda: workers_of(process.pid))
        workers = workers_of(process.pid)
        process.send_signal(number)
        process.wait(60)
        assert until(lambda: not alive(workers)), alive(workers)
