"""The line to a host as a source: up or not, and how the other clock goes."""

import asyncio
import subprocess
import time

import pytest

from boxwatch.events import RawChunk, normalise
from boxwatch.sources import Login
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.ssh import SshSource
from boxwatch.sources.ssh_shell import SshShell

LONG = 60.0


def source(sshd, **changes):
    """The line to `sshd` as the host `box`."""
    files = {"keys": (sshd.key,), "known_hosts": sshd.known_hosts}
    login = Login("127.0.0.1", sshd.port, sshd.user, **{**files, **changes})
    return SshSource(SshShell(login, pauses=Pauses(0.05, 0.05)), "box")


def read(one, *steps, until):
    """What `one` says, each step in turn taken once `until` holds for what came since the last."""

    async def work():
        said, chunks = [], []
        try:
            for step in (*steps, None):
                chunks = []
                async with asyncio.timeout(LONG):
                    while not until(chunks):
                        chunks += await one.read()
                        await asyncio.sleep(0.01)
                said.append(chunks)
                if step is not None:
                    await asyncio.to_thread(step)
            return said
        finally:
            await one.close()

    return asyncio.run(work())


def states(chunks, rows):
    """The states that were told, in their order."""
    return [row["state"] for row in rows(chunks, "status")]


def told(chunks):
    """True if a status came."""
    return any(chunk.kind == "status" for chunk in chunks)


def test_a_host_that_lets_us_in_is_up(sshd, rows):
    """The status is ok and normalises to `up`."""
    (chunks,) = read(source(sshd), until=told)
    assert states(chunks, rows) == ["ok"]
    (status,) = [chunk for chunk in chunks if chunk.kind == "status"]
    samples = normalise(status).samples
    assert samples.select("host", "entity", "value").rows() == [("box", "source:ssh", 1.0)]


def test_the_clock_of_a_host_is_measured(sshd, rows):
    """One machine has one clock: the difference is less than the round trip."""
    (chunks,) = read(source(sshd), until=lambda all_: any(c.kind == "host" for c in all_))
    (row,) = rows(chunks, "host")
    assert (row["host"], row["entity"]) == ("box", "host")
    assert abs(row["clock_offset_seconds"]) < LONG
    (chunk,) = [chunk for chunk in chunks if chunk.kind == "host"]
    assert normalise(chunk).samples["metric"].to_list() == ["clock_offset_seconds"]
    assert isinstance(chunk, RawChunk)


def test_a_clock_that_is_ahead_is_seen(sshd, rows):
    """A host whose clock is an hour ahead says so, positive."""
    ahead = 'exec /bin/date -d "+1 hour" "$@"'
    sshd.tool("date", ahead)
    done = subprocess.run([sshd.bin / "date", "+%s.%N"], capture_output=True, check=False)
    if done.returncode or float(done.stdout) < time.time() + 3000:
        pytest.skip("date(1) here knows no --date")
    (chunks,) = read(source(sshd), until=lambda all_: any(c.kind == "host" for c in all_))
    (row,) = rows(chunks, "host")
    assert abs(row["clock_offset_seconds"] - 3600) < LONG


def test_a_host_that_goes_and_comes_back_is_told_of(sshd, rows):
    """Up, lost, up again: each is said once."""
    first, second, third = read(source(sshd), sshd.stop, sshd.start, until=told)
    assert [states(part, rows) for part in (first, second, third)] == [["ok"], ["failing"], ["ok"]]


def test_a_host_that_is_not_trusted_is_denied(sshd, rows, tmp_path):
    """The reason names the fingerprint; nothing is accepted silently, however often it is tried."""
    (chunks,) = read(source(sshd, known_hosts=tmp_path / "none"), until=told)
    (row,) = rows(chunks, "status")
    assert (row["state"], sshd.fingerprint() in row["reason"]) == ("denied", True)


def test_an_account_that_runs_nothing_is_denied(sshd, rows):
    """We are let in, and no command begins: what the account says is passed on."""
    sshd.stop()
    config = sshd.folder / "sshd_config"
    config.write_text(config.read_text() + "ForceCommand echo not for you\n")
    sshd.start()
    (chunks,) = read(source(sshd), until=told)
    (row,) = rows(chunks, "status")
    assert (row["state"], "not for you" in row["reason"]) == ("denied", True)


def test_a_guard_that_is_killed_ends_the_connection_and_it_is_made_again(sshd, rows):
    """Without the heartbeat a connection is not used on."""

    def kill():
        for pid in sshd.guards():
            subprocess.run(["kill", "-KILL", str(pid)], check=False)

    first, second = read(source(sshd), kill, until=lambda chunks: "ok" in states(chunks, rows))
    assert states(first, rows) == ["ok"]
    assert states(second, rows) == ["failing", "ok"]


def test_the_probe_says_how_the_line_is(sshd):
    """Address, round trip and clock in one line."""

    async def probe():
        one = source(sshd)
        try:
            return await one.probe()
        finally:
            await one.close()

    found = asyncio.run(probe())
    assert (found.name, found.state) == ("ssh", "ok")
    assert sshd.target in found.reason
