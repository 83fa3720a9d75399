"""The reader that stays: in every language, under every login shell, killed, stopped, hung."""

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import time
from pathlib import Path

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import HostOptions, HostSource, LocalShell, Pauses
from boxwatch.sources.host_reader import LocalReader, Request
from boxwatch.sources.host_rows import HostRows
from boxwatch.sources.login import Login
from boxwatch.sources.resident import ResidentReader
from boxwatch.sources.resident_script import VARIANTS, command
from boxwatch.sources.ssh_shell import SshShell

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="there is no /proc here")

LIMIT_S = 60
HUNG_S = 1.0
REQUEST = Request(
    ("proc/stat~cpu[^0-9]|procs_", "proc/sys/kernel/ostype", "proc/nope", "?sys/block/*"),
    (("#proc", "proc/self/mounts"), ("$/",)),
)


class WrappedShell:
    """A shell whose command lines go through `wrap` first, as a login shell's do."""

    def __init__(self, wrap):
        self.wrap, self.shell = wrap, LocalShell()

    def stream(self, argv, feed=None):
        return self.shell.stream(self.wrap(argv), feed)


async def asked(reader, request):
    """The answer to `request`, until all errands came back; then the reader is closed."""
    wanted = {item for errand in request.errands for item in errand}
    try:
        async with asyncio.timeout(LIMIT_S):
            answer = await reader.ask(request)
            while not wanted <= answer.found.keys():
                await asyncio.sleep(0.01)
                more = await reader.ask(Request(()))
                answer.found |= more.found
            return answer
    finally:
        await reader.close()


def needs(program):
    """Skip where `program` is not on this machine."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")


@pytest.fixture
def bin_with(tmp_path):
    """A folder for PATH with ordinary tools and one `awk` or other program of our choice."""

    def make(**programs):
        for name in ("sh", "ls", "cat", "stat", "date", "timeout", "readlink", "basename"):
            (tmp_path / name).symlink_to(shutil.which(name))
        for name, target in programs.items():
            needs(target)
            (tmp_path / name).symlink_to(os.path.realpath(shutil.which(target)))
        return {"PATH": str(tmp_path)}

    return make


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_answers_alike(variant):
    """What is found elsewhere is what is found here."""
    needs(variant)
    there = asyncio.run(asked(ResidentReader(LocalShell(), variants=[variant]), REQUEST))
    here = asyncio.run(asked(LocalReader(), REQUEST))
    assert there.found.keys() == here.found.keys()
    assert there.missing.keys() == here.missing.keys() == {"proc/nope"}
    for name in ("proc/sys/kernel/ostype", "?sys/block/*"):
        assert there.found[name].strip() == here.found[name].strip()
    assert there.found["$/"].split()[:2] == here.found["$/"].split()[:2]
    assert abs((there.taken - here.taken).total_seconds()) < LIMIT_S


@pytest.mark.parametrize("awk", ["mawk", "gawk", "busybox"])
def test_every_awk_will_do(bin_with, awk):
    """Where there is neither perl nor python3, the awk that is there reads."""
    shell = LocalShell(env=bin_with(awk=awk))
    answer = asyncio.run(asked(ResidentReader(shell), REQUEST))
    assert answer.found["proc/stat"].startswith("cpu ")
    assert answer.found["proc/sys/kernel/ostype"] == "Linux"


def test_without_any_language_the_reason_is_said(bin_with):
    """The error says what is missing and what would do."""
    with pytest.raises(SourceError, match="no perl, python3 or awk") as caught:
        asyncio.run(asked(ResidentReader(LocalShell(env=bin_with())), REQUEST))
    assert caught.value.state == "absent"


@pytest.mark.parametrize("login", ["bash", "dash", "fish", "tcsh"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_login_shell_passes_it_on(login, variant):
    """A command line quoted for sh reaches the reader through shells that are none."""
    needs(login)
    needs(variant)
    shell = WrappedShell(lambda argv: [login, "-c", shlex.join(argv)])
    reader = ResidentReader(shell, variants=[variant])
    assert asyncio.run(asked(reader, REQUEST)).found["proc/sys/kernel/ostype"] == "Linux"


def test_the_command_line_holds_nothing_a_shell_reads_otherwise():
    """No newline and no exclamation mark (csh), no pair of backslashes (fish)."""
    assert not any(bad in "".join(command()) for bad in ("\n", "!", "\\\\"))


@pytest.mark.parametrize(
    "script",
    ['echo "Welcome!"; echo oops >&2; exec "$@"', '"$@" | sed -u "s/$/\\r/"'],
    ids=["greeting", "CR LF"],
)
def test_noise_on_the_line_does_no_harm(script):
    """A start-up file that prints, a terminal that changes line ends."""
    shell = WrappedShell(lambda argv: ["sh", "-c", script, "sh", *argv])
    answer = asyncio.run(asked(ResidentReader(shell), REQUEST))
    assert answer.found["proc/sys/kernel/ostype"] == "Linux"


def test_points_with_blanks_are_understood(tmp_path):
    """The octal escapes of a mount point are undone on the other side."""
    (tmp_path / "my disk").mkdir()
    (tmp_path / "proc").mkdir()
    request = Request((), ((r"$/my\040disk",), ("$/",), ("#proc",)))
    for variant in ("perl", "python3"):
        needs(variant)
        reader = ResidentReader(LocalShell(), root=str(tmp_path), variants=[variant])
        answer = asyncio.run(asked(reader, request))
        assert answer.found[r"$/my\040disk"].split()[:2] == answer.found["$/"].split()[:2]


@pytest.mark.parametrize("reader", ["here", "perl", "python3"])
def test_what_never_answers_holds_up_nothing(tmp_path, reader):
    """A sensor that blocks its reader is unknown, with the time; all the rest goes on."""
    needs(reader) if reader != "here" else None
    chip = tmp_path / "sys/class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    (chip / "name").write_text("stuck\n")
    os.mkfifo(chip / "temp1_input")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/loadavg").write_text("0.5 0.4 0.3 1/222 9\n")
    rows = HostRows()

    async def watch():
        asking = (
            LocalReader(tmp_path)
            if reader == "here"
            else ResidentReader(LocalShell(), root=str(tmp_path), variants=[reader])
        )
        try:
            for now in range(0, 600, 5):
                told = rows.rows(await asking.ask(rows.request(now)))
                assert told["host"]["threads_alive"] == 222
                if "sensor:stuck/temp1" in told:
                    return told["sensor:stuck/temp1"]
        finally:
            await asking.close()
            with contextlib.suppress(OSError):  # nobody waits at its other end any more
                os.close(os.open(chip / "temp1_input", os.O_WRONLY | os.O_NONBLOCK))

    async def limited():
        async with asyncio.timeout(LIMIT_S):
            return await watch()

    assert re.fullmatch(r"no answer for \d+ s", asyncio.run(limited())["sensor_celsius"])


def own_children():
    """The processes this one started."""
    return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


@pytest.fixture
def watched(until, rows):
    """A source over a shell, and what `disturb(pid)` made it say until `enough(rows)`."""

    def watch(disturb, enough, **options):
        pauses = Pauses(first=0.05, longest=0.1)
        options = HostOptions(interval_s=0.1, pauses=pauses, **options)
        source = HostSource("box", options, shell=LocalShell())

        async def work():
            try:
                before = set(own_children())
                await until(source, lambda chunks: rows(chunks, "host"), LIMIT_S)
                (pid,) = set(own_children()) - before
                disturb(pid, signal.SIGSTOP)
                said = await until(source, lambda chunks: rows(chunks, "status"), LIMIT_S)
                disturb(pid, signal.SIGCONT)
                said += await until(source, lambda chunks: enough(rows, chunks), LIMIT_S)
                return rows(said, "status"), rows(said, "host")
            finally:
                await source.close()

        return asyncio.run(work())

    return watch


def test_a_reader_that_is_killed_is_started_again(watched):
    """The loss is said, and the readings go on."""

    def kill(pid, number):
        if number == signal.SIGSTOP:
            os.kill(pid, signal.SIGKILL)

    status, told = watched(kill, lambda rows, chunks: len(rows(chunks, "host")) > 2)
    assert [row["state"] for row in status][:2] == ["failing", "ok"]
    assert "The reader ended" in status[0]["reason"]
    assert told


def test_a_host_that_stops_for_a_while_is_a_gap(watched):
    """Paused and resumed: hung, the gap with its length, ok; and no reading twice."""

    def disturb(pid, number):
        if number == signal.SIGCONT:
            time.sleep(2 * HUNG_S)  # stopped for longer than what is no gap yet
        os.kill(pid, number)

    def enough(rows, chunks):
        status = rows(chunks, "status")
        gap = any("no readings of the last" in row["reason"] for row in status)
        return gap and "ok" in [row["state"] for row in status] and len(rows(chunks, "host")) > 2

    status, told = watched(disturb, enough, hung_s=HUNG_S)
    assert status[0]["state"] == "hung"
    times = [row["collected_at"] for row in told if row["entity"] == "host"]
    assert len(times) == len(set(times))


def test_the_reader_ends_with_its_input():
    """When the line breaks, nothing stays behind."""

    async def broken():
        argv = command(variants=["perl", "python3"])
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*argv, **pipes)
        process.stdin.write(b"@token\n1 proc/loadavg\n")
        assert (await process.stdout.readline()).startswith(b"@token < 1 ")
        process.stdin.close()
        async with asyncio.timeout(LIMIT_S):
            await process.communicate()
            return process.returncode

    assert asyncio.run(broken()) in (0, -signal.SIGKILL)


@pytest.mark.parametrize("variant", ["perl", "python3"])
def test_the_reader_ends_when_nobody_asks(variant):
    """A line that vanished without a word leaves no reader behind for long."""
    needs(variant)

    async def forgotten():
        argv = command(quiet_s=1, variants=[variant])
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*argv, **pipes)
        process.stdin.write(b"@token\n1 proc/loadavg\n")
        async with asyncio.timeout(LIMIT_S):
            return await process.wait()

    assert asyncio.run(forgotten()) == -signal.SIGALRM


def test_another_machine_is_read_over_ssh(sshd, until, rows):
    """One reader stays on the line, whatever a login prints; it is gone with the source."""
    shell = SshShell(
        Login("127.0.0.1", sshd.port, sshd.user, (sshd.key,), known_hosts=sshd.known_hosts)
    )
    source = HostSource("far", HostOptions(interval_s=0.1), shell=shell)

    async def watch():
        try:
            chunks = await until(source, lambda chunks: len(rows(chunks, "host")) > 30, LIMIT_S)
            reading = [line for line in sshd.commands() if "boxwatch" in line]
            await source.close()
            async with asyncio.timeout(LIMIT_S):
                while any("boxwatch" in line for line in sshd.commands()):
                    await asyncio.sleep(0.05)
            return rows(chunks, "host"), reading
        finally:
            await shell.close()

    told, reading = asyncio.run(watch())
    assert {row["host"] for row in told} == {"far"}
    assert len(reading) == 1
