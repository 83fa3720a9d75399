"""Commands on this machine: limits, long lines, nothing left open."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import LocalShell

LONG = 60.0
BRIEFLY = 2.0  # seconds in which a command has begun on a busy machine, too


def gathered(shell, *argv):
    """Everything a command writes."""

    async def gather():
        return [output async for output in shell.stream(argv)]

    return asyncio.run(gather())


def test_run_returns_status_and_both_outputs():
    """A command that ends by itself hands over its status, its output and its complaints."""
    script = "echo out; echo err >&2; exit 3"
    done = asyncio.run(LocalShell().run(["sh", "-c", script], limit_s=LONG))
    assert (done.status, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_run_gives_up_at_its_limit_and_keeps_what_was_written():
    """A command over its limit is killed; what it wrote until then is handed over."""
    done = asyncio.run(LocalShell().run(["sh", "-c", "echo early; sleep 1000"], limit_s=BRIEFLY))
    assert (done.status, done.stdout) == (None, b"early\n")


def test_limit_kills_the_children_of_the_command(tmp_path):
    """A child of a command that is over its limit dies with it."""
    file = tmp_path / "child"
    script = f"sleep 1000 & echo $! > {file}; wait"
    asyncio.run(LocalShell().run(["sh", "-c", script], limit_s=BRIEFLY))
    child = file.read_text().strip()
    deadline = time.monotonic() + LONG
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_command_that_leaves_a_child_holding_its_pipes_ends():
    """A grandchild that keeps the pipes open does not hold up the end of its parent."""
    done = asyncio.run(LocalShell().run(["sh", "-c", "sleep 1000 & echo done"], limit_s=LONG))
    assert (done.status, done.stdout) == (0, b"done\n")


@pytest.mark.parametrize("call", ["run", "stream"])
def test_missing_program_is_absent(call):
    """A program that is not there is a SourceError with the state absent and a hint."""
    shell = LocalShell()
    calls = {
        "run": lambda: asyncio.run(shell.run(["no-such-tool"], limit_s=LONG)),
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
        asyncio.run(LocalShell().run([str(tool)], limit_s=LONG))
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
    counter.touch()
    script = (
        "import sys\nfor i in range(200):\n"
        " sys.stdout.write('y' * 999_999 + '\\n')\n"
        f" open({str(counter)!r}, 'ab', 0).write(b'.')"
    )

    async def take_one_and_wait():
        async with contextlib.aclosing(
            LocalShell().stream([sys.executable, "-c", script])
        ) as stream:
            await anext(stream)
            before, now = -1, 0
            while before != now:
                await asyncio.sleep(0.5)
                before, now = now, counter.stat().st_size
            return now

    assert asyncio.run(take_one_and_wait()) < 10


def test_closing_a_stream_kills_its_command(tmp_path):
    """A reader that goes away takes the command with it."""

    async def start_and_leave():
        async with contextlib.aclosing(
            LocalShell().stream(["sh", "-c", "echo $$; exec sleep 1000"])
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
    done = asyncio.run(LocalShell().run(["printf", "12345"], limit_s=LONG, limit_bytes=5))
    assert (done.status, done.flooded, done.stdout) == (0, False, b"12345")


def test_nothing_is_left_open(alone):
    """After many commands, ended, killed or missing, no file, child or task is left."""

    async def many():
        shell = LocalShell()
        await shell.run(["true"], limit_s=LONG)
        before = await alone()
        for _ in range(10):
            await shell.run(["sh", "-c", "echo x"], limit_s=LONG)
            await shell.run(["sleep", "1000"], limit_s=0.01)
            async with contextlib.aclosing(shell.stream(["yes"])) as stream:
                await anext(stream)
            with pytest.raises(SourceError):
                await shell.run(["no-such-tool"], limit_s=LONG)
        return before, await alone()

    before, after = asyncio.run(many())
    assert after == before


def test_command_that_ignores_being_killed_is_left_alone_and_not_started_again(icebox):
    """It is given up shortly after its limit; its program starts again only once it is dead."""
    shell = LocalShell(kill_wait_s=0.2)

    async def hang_and_recover():
        done = await shell.run(["sh", "-c", f"{icebox.freeze}; sleep 1000"], limit_s=BRIEFLY)
        with pytest.raises(SourceError) as caught:
            await shell.run(["sh", "-c", "echo again"], limit_s=LONG)
        icebox.thaw()
        while True:
            with contextlib.suppress(SourceError):
                return done, caught.value.state, await shell.run(["sh", "-c", "true"], limit_s=LONG)
            await asyncio.sleep(0.01)

    done, state, again = asyncio.run(hang_and_recover())
    assert (done.status, state, again.status) == (None, "hung", 0)


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
