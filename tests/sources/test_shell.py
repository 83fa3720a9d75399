"""Commands on this machine: limits, long lines, nothing left open."""

import asyncio
import contextlib
import sys
import time
import uuid
from pathlib import Path

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import LocalShell

FREEZER = Path("/sys/fs/cgroup/freezer")


def gathered(shell, *argv):
    """Everything a command writes."""

    async def gather():
        return [output async for output in shell.stream(argv)]

    return asyncio.run(gather())


def test_run_returns_status_and_both_outputs():
    """A command that ends by itself hands over its status, its output and its complaints."""
    script = "echo out; echo err >&2; exit 3"
    done = asyncio.run(LocalShell().run(["sh", "-c", script], limit_s=5))
    assert (done.status, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_run_gives_up_at_its_limit_and_keeps_what_was_written():
    """A command over its limit is killed; what it wrote until then is handed over."""
    done = asyncio.run(LocalShell().run(["sh", "-c", "echo early; sleep 60"], limit_s=0.3))
    assert (done.status, done.stdout) == (None, b"early\n")


def test_limit_kills_the_children_of_the_command(tmp_path):
    """A child of a command that is over its limit dies with it."""
    file = tmp_path / "child"
    script = f"sleep 60 & echo $! > {file}; wait"
    asyncio.run(LocalShell().run(["sh", "-c", script], limit_s=0.3))
    child = file.read_text().strip()
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(child)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_command_that_leaves_a_child_holding_its_pipes_ends():
    """A grandchild that keeps the pipes open does not hold up the end of its parent."""
    done = asyncio.run(LocalShell().run(["sh", "-c", "sleep 60 & echo done"], limit_s=20))
    assert (done.status, done.stdout) == (0, b"done\n")


@pytest.mark.parametrize("call", ["run", "stream"])
def test_missing_program_is_absent(call):
    """A program that is not there is a SourceError with the state absent and a hint."""
    shell = LocalShell()
    calls = {
        "run": lambda: asyncio.run(shell.run(["no-such-tool"], limit_s=1)),
        "stream": lambda: gathered(shell, "no-such-tool"),
    }
    with pytest.raises(SourceError, match="no-such-tool") as caught:
        calls[call]()
    assert (caught.value.state, bool(caught.value.hint)) == ("absent", True)


def test_program_without_permission_is_denied(tmp_path):
    """A program that may not be run is a SourceError with the state denied."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    with pytest.raises(SourceError) as caught:
        asyncio.run(LocalShell().run([str(tool)], limit_s=1))
    assert caught.value.state == "denied"


def test_stream_yields_whole_lines_of_both_pipes():
    """Each piece ends with a newline, and the error output is told apart."""
    outputs = gathered(LocalShell(), "sh", "-c", "printf 'a\\nb'; sleep 0.1; echo c; echo e >&2")
    assert b"".join(o.data for o in outputs if not o.error) == b"a\nbc\n"
    assert b"".join(o.data for o in outputs if o.error) == b"e\n"
    assert all(o.data.endswith(b"\n") for o in outputs)


def test_last_line_without_newline_gets_one():
    """A command that ends in the middle of a line loses nothing."""
    assert gathered(LocalShell(), "printf", "x\ny")[-1].data.endswith(b"y\n")


def test_ten_megabyte_line_survives():
    """A line of 10 MB comes through as one line."""
    script = "import sys; sys.stdout.write('x' * 10_000_000 + '\\nshort\\n')"
    data = b"".join(o.data for o in gathered(LocalShell(), sys.executable, "-c", script))
    assert [len(line) for line in data.splitlines()] == [10_000_000, 5]


def test_line_over_the_limit_is_cut_visibly():
    """A line over the limit ends in a mark, and the next line is whole."""
    shell = LocalShell(line_limit=100_000)
    script = "import sys; sys.stdout.write('x' * 1_000_000 + '\\nnext\\n')"
    lines = b"".join(o.data for o in gathered(shell, sys.executable, "-c", script)).splitlines()
    assert lines[0].endswith(b"longer than 100000 bytes]")
    assert len(lines[0]) < 100_100
    assert lines[1:] == [b"next"]


def test_output_that_is_not_taken_stays_with_the_command(tmp_path):
    """Backpressure: a command whose output nobody takes stops writing after a few megabytes."""
    counter = tmp_path / "written"
    script = (
        "import sys, pathlib\nfor i in range(200):\n"
        " sys.stdout.write('y' * 999_999 + '\\n')\n"
        f" pathlib.Path({str(counter)!r}).write_text(str(i))"
    )

    async def take_one_and_wait():
        async with contextlib.aclosing(
            LocalShell().stream([sys.executable, "-c", script])
        ) as stream:
            await anext(stream)
            await asyncio.sleep(0.5)
            return int(counter.read_text())

    assert asyncio.run(take_one_and_wait()) < 10


def test_closing_a_stream_kills_its_command(tmp_path):
    """A reader that goes away takes the command with it."""

    async def start_and_leave():
        async with contextlib.aclosing(
            LocalShell().stream(["sh", "-c", "echo $$; exec sleep 60"])
        ) as stream:
            return (await anext(stream)).data.decode().strip()

    assert not _alive(asyncio.run(start_and_leave()))


def test_flood_is_given_up_at_its_limit_of_bytes(belongings):
    """A command that writes without end is killed once it wrote too much, long before its time."""
    before = belongings()
    done = asyncio.run(LocalShell().run(["yes"], limit_s=3600, limit_bytes=1000))
    assert (done.status, done.flooded, len(done.stdout)) == (None, True, 1000)
    assert belongings()["children"] == before["children"]


def test_command_within_its_limit_of_bytes_is_whole():
    """As many bytes as are allowed are no flood."""
    done = asyncio.run(LocalShell().run(["printf", "12345"], limit_s=30, limit_bytes=5))
    assert (done.status, done.flooded, done.stdout) == (0, False, b"12345")


def test_nothing_is_left_open(belongings):
    """After many commands, ended, killed or missing, no file, child or task is left."""

    async def many():
        shell = LocalShell()
        await shell.run(["true"], limit_s=5)
        before = belongings()
        for _ in range(10):
            await shell.run(["sh", "-c", "echo x"], limit_s=5)
            await shell.run(["sleep", "60"], limit_s=0.01)
            async with contextlib.aclosing(shell.stream(["yes"])) as stream:
                await anext(stream)
            with pytest.raises(SourceError):
                await shell.run(["no-such-tool"], limit_s=1)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return before, belongings()

    before, after = asyncio.run(many())
    assert after == before


@pytest.fixture
def icebox():
    """A freezer control group: what is frozen in it does not die of SIGKILL.

    So it behaves like a process in uninterruptible sleep.
    """
    group = FREEZER / f"boxwatch-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no freezer control group (version 1) can be made here: {error}")
    if not (group / "freezer.state").exists():
        group.rmdir()
        pytest.skip("the freezer control group here is not version 1")
    yield group
    (group / "freezer.state").write_text("THAWED")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return


def test_command_that_ignores_being_killed_is_left_alone_and_not_started_again(icebox):
    """It is given up shortly after its limit; its program starts again only once it is dead."""
    shell = LocalShell(kill_wait_s=0.2)
    frozen = [
        "sh",
        "-c",
        f"echo $$ > {icebox}/cgroup.procs; echo FROZEN > {icebox}/freezer.state; sleep 60",
    ]

    async def hang_and_recover():
        started = time.monotonic()
        done = await shell.run(frozen, limit_s=0.5)
        took = time.monotonic() - started
        with pytest.raises(SourceError) as caught:
            await shell.run(["sh", "-c", "echo again"], limit_s=1)
        (icebox / "freezer.state").write_text("THAWED")
        while True:
            with contextlib.suppress(SourceError):
                return (
                    done,
                    took,
                    caught.value.state,
                    await shell.run(["sh", "-c", "true"], limit_s=1),
                )
            await asyncio.sleep(0.01)

    done, took, state, again = asyncio.run(hang_and_recover())
    assert (done.status, state, again.status) == (None, "hung", 0)
    assert took < 2


def test_what_is_fed_reaches_the_command():
    """Bytes of the feed go to standard input, and its end closes it."""

    async def feed():
        yield b"one\n"
        await asyncio.sleep(0)
        yield b"two\n"

    async def read():
        return [output.data async for output in LocalShell().stream(["cat"], feed())]

    assert b"".join(asyncio.run(read())) == b"one\ntwo\n"


def test_a_fed_command_that_ends_early_does_no_harm():
    """A feed that nobody reads is let go of with the command."""

    async def feed():
        while True:
            yield b"tick\n"
            await asyncio.sleep(0.01)

    async def read():
        return [output.data async for output in LocalShell().stream(["head", "-n1"], feed())]

    assert asyncio.run(read()) == [b"tick\n"]
