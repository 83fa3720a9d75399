"""What `boxwatch check` finds out about a machine."""

import asyncio
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.clock import ManualClock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.sources import (
    Capability,
    HostSource,
    LocalShell,
    Surroundings,
    check_clock,
    check_machine,
    check_room,
)
from boxwatch.sources.patience import patient

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def tools(tmp_path):
    """A shell that finds only the programs given as name -> script."""

    def build(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return LocalShell(env={"PATH": str(tmp_path)})

    return build


def around(shell, data):
    """What is checked besides sources: everything right but `shell` and `data`."""
    return Surroundings(shell, data, SystemClock(), LONG_AGO)


def clock_check(clock, shell):
    """The clock's line."""
    return asyncio.run(check_clock(clock, LONG_AGO, shell))


def test_everything_is_one_line(tmp_path, tools):
    """Sources, clock and data folder are asked and come in this order."""
    found = asyncio.run(check_machine([HostSource("box")], around(tools(), tmp_path)))
    assert [each.name for each in found] == ["host", "clock", "data folder"]
    assert {each.state for each in found} == {"ok"}


def test_time_before_the_build_is_wrong(tools):
    """A clock that shows a time before this version was made cannot be right."""
    found = clock_check(ManualClock(LONG_AGO - timedelta(days=1)), tools())
    assert (found.state, "before this version" in found.reason) == ("failing", True)


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [("yes", "ok", "synchronised"), ("no", "failing", "not synchronised"), ("", "ok", "unknown")],
)
def test_synchronisation_is_told(answer, state, word, tools):
    """Timedatectl's yes, no or silence decides; an unknown state is no failure."""
    found = clock_check(SystemClock(), tools(timedatectl=f"echo {answer}"))
    assert (found.state, word in found.reason) == (state, True)


def test_machine_without_timedatectl_is_unknown_not_wrong(tools):
    """Many machines have no timedatectl."""
    assert clock_check(SystemClock(), tools()).state == "ok"


def test_folder_that_is_not_there_yet_is_judged_by_its_parent(tmp_path):
    """The data folder is made later; what counts is where it will be."""
    assert str(tmp_path) in check_room(tmp_path / "a" / "b").reason


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    """A data folder below a plain file cannot be."""
    (tmp_path / "file").write_text("")
    assert check_room(tmp_path / "file" / "data").state == "denied"


@pytest.fixture
def small_device(tmp_path):
    """A file system of one mebibyte."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system of our own cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_full_device_is_told(small_device):
    """Little room is failing, with what is left."""
    found = check_room(small_device)
    assert (found.state, "GiB free" in found.reason) == ("failing", True)


class Stuck:
    """A source whose probe never answers."""

    name = "stuck"

    async def probe(self):
        await asyncio.sleep(3600)
        return Capability("stuck", "ok")


def test_probe_without_an_answer_is_hung(tmp_path, tools):
    """A probe that never comes back does not hold up the others."""
    started = time.monotonic()
    found = asyncio.run(check_machine([Stuck()], around(tools(), tmp_path), 0.1))
    assert (found[0].name, found[0].state) == ("stuck", "hung")
    assert time.monotonic() - started < 5


def test_patience_with_a_stream_ends_it():
    """A stream that stops talking is closed, its command killed."""

    async def listen():
        stream = LocalShell().stream(["sh", "-c", "echo one; sleep 60"])
        return [output.data async for output in patient(stream, 5, 0.2)]

    with pytest.raises(SourceError, match=r"No answer for 0\.2 s"):
        asyncio.run(listen())
