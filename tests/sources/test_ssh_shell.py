"""Commands on another machine: the same promises as here, and nothing left behind there."""

import asyncio
import contextlib
import socket
import sys
import time

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import Login
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.ssh_shell import SshShell

LONG = 60.0
BRIEFLY = 2.0  # seconds in which a command has begun on a busy machine, too
GUARD = ("timeout", "head")  # what waits for the heartbeat there


def login(sshd, **changes):
    """How to log in to `sshd`."""
    known = {"host": "127.0.0.1", "port": sshd.port, "user": sshd.user}
    files = {"keys": (sshd.key,), "known_hosts": sshd.known_hosts}
    return Login(**{**known, **files, "connect_s": LONG, **changes})


def use(sshd, work, silent_s=LONG, **options):
    """What `work(shell)` returns, with a shell that is closed afterwards."""

    async def with_shell():
        shell = SshShell(login(sshd, silent_s=silent_s), pauses=Pauses(0.05, 0.05), **options)
        try:
            return await work(shell)
        finally:
            await shell.close()

    return asyncio.run(with_shell())


def run(sshd, *argv, limit_s=LONG, **options):
    """How a command ends there."""
    return use(sshd, lambda shell: shell.run(argv, limit_s=limit_s), **options)


async def gathered(shell, *argv, feed=None):
    """Everything a command writes."""
    return [output async for output in shell.stream(argv, feed)]


def theirs(sshd):
    """What runs on the other side besides the shell that answers heartbeats."""
    return [one for one in sshd.commands() if not one.startswith(GUARD) and "beat=" not in one]


def until(holds):
    """Wait until `holds()`."""
    deadline = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_run_returns_status_and_both_outputs(sshd):
    """A command that ends by itself hands over its status, its output and its complaints."""
    done = run(sshd, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.status, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_a_signal_shows_as_a_negative_status(sshd):
    """As for commands on this machine."""
    assert run(sshd, "sh", "-c", "kill -TERM $$").status == -15


@pytest.mark.parametrize("argument", ["a b", "$HOME", "'", '"', "*", "a\\b", ";id", "ü", "", "-n"])
def test_arguments_arrive_as_they_are(sshd, argument):
    """No shell on the way changes an argument."""
    done = run(sshd, "printf", "[%s]", argument)
    assert done.stdout.decode() == f"[{argument}]"


def test_run_gives_up_at_its_limit_and_nothing_stays_behind(sshd):
    """A command over its limit dies there with its children; what it wrote is handed over."""

    async def work(shell):
        argv = ["sh", "-c", "echo early; sleep 1000 & sleep 1000"]
        done = await shell.run(argv, limit_s=BRIEFLY)
        await asyncio.to_thread(until, lambda: theirs(sshd) == [])
        return done

    done = use(sshd, work)
    assert (done.status, done.stdout) == (None, b"early\n")


def test_a_flood_is_given_up(sshd):
    """A command that writes more than the limit of bytes is ended."""
    done = use(sshd, lambda shell: shell.run(["yes"], limit_s=LONG, limit_bytes=1000))
    assert (done.status, done.flooded, len(done.stdout)) == (None, True, 1000)


@pytest.mark.parametrize("call", ["run", "stream"])
@pytest.mark.parametrize(
    ("program", "state"), [("no-such-tool", "absent"), ("/no/such", "absent"), ("{key}", "denied")]
)
def test_a_program_that_cannot_be_run_says_why(sshd, call, program, state):
    """A missing program is absent, one without permission denied; as on this machine."""
    argv = [program.format(key=sshd.known_hosts)]

    async def work(shell):
        with pytest.raises(SourceError) as caught:
            await (shell.run(argv, limit_s=LONG) if call == "run" else gathered(shell, *argv))
        return caught.value

    assert use(sshd, work).state == state


def test_a_status_of_a_commands_own_is_no_missing_program(sshd):
    """127 of a command that was there is its own status."""
    assert run(sshd, "sh", "-c", "exit 127").status == 127


def test_what_the_login_prints_is_no_output(sshd):
    """A talkative start-up file of the account does not get into what is read."""
    sshd.stop()
    (sshd.folder / "noise.sh").write_text("echo welcome; echo careful >&2\n")
    config = sshd.folder / "sshd_config"
    noise = f'ForceCommand . {sshd.folder}/noise.sh; eval "$SSH_ORIGINAL_COMMAND"\n'
    config.write_text(config.read_text() + noise)
    sshd.start()
    done = run(sshd, "echo", "data")
    assert (done.stdout, done.stderr) == (b"data\n", b"")


def test_stream_yields_whole_lines_of_both_pipes(sshd):
    """Each piece ends with a newline, and the error output is told apart."""
    script = "printf 'a\\nb'; sleep 0.1; echo c; echo e >&2; printf last"
    outputs = use(sshd, lambda shell: gathered(shell, "sh", "-c", script))
    assert b"".join(o.data for o in outputs if not o.error) == b"a\nbc\nlast\n"
    assert b"".join(o.data for o in outputs if o.error) == b"e\n"
    assert all(o.data.endswith(b"\n") for o in outputs)


def test_a_large_output_comes_whole_and_long_lines_are_cut(sshd):
    """Forty megabytes lose nothing; a line over the limit ends in a mark."""
    script = "import sys; sys.stdout.write('x' * 1_000_000 + '\\n' + 'y' * 99_999 + '\\n')\n"
    script += "for _ in range(400): sys.stdout.write(('z' * 99 + '\\n') * 1000)"

    async def work(shell):
        return await gathered(shell, sys.executable, "-c", script)

    data = b"".join(output.data for output in use(sshd, work, line_limit=100_000))
    first, second, *rest = data.splitlines()
    assert first.endswith(b"longer than 100000 bytes]")
    assert (len(second), len(rest), set(map(len, rest))) == (99_999, 400_000, {99})


def test_output_that_is_not_taken_stays_with_the_command(sshd, tmp_path):
    """Backpressure: a command whose output nobody takes stops writing after some megabytes."""
    counter = tmp_path / "written"
    counter.touch()
    script = (
        "import sys\nfor i in range(200):\n"
        " sys.stdout.write('y' * 999_999 + '\\n')\n"
        f" open({str(counter)!r}, 'ab', 0).write(b'.')"
    )

    async def work(shell):
        async with contextlib.aclosing(shell.stream([sys.executable, "-c", script])) as stream:
            await anext(stream)
            before, now = -1, 0
            while before != now:
                await asyncio.sleep(1)
                before, now = now, counter.stat().st_size
            return now

    assert use(sshd, work) < 30


def test_closing_a_stream_ends_its_command(sshd):
    """A reader that goes away takes a silent command with it."""

    async def work(shell):
        script = "echo x; sleep 1000"
        async with contextlib.aclosing(shell.stream(["sh", "-c", script])) as stream:
            await anext(stream)
            assert theirs(sshd) != []
        await asyncio.to_thread(until, lambda: theirs(sshd) == [])

    use(sshd, work)


def test_closing_the_shell_ends_everything(sshd):
    """Silent commands, fed ones and the answering shell: nothing stays on the other machine."""

    async def feed():
        yield b"x\n"
        await asyncio.sleep(1000)

    async def work(shell):
        silent = asyncio.create_task(anext(shell.stream(["sleep", "1000"])))
        fed = shell.stream(["cat"], feed())
        await anext(fed)
        await asyncio.to_thread(until, lambda: "sleep 1000" in theirs(sshd))
        await shell.close()
        with pytest.raises(SourceError, match="lost"):
            await silent
        with pytest.raises(SourceError, match="lost"):
            await anext(fed)

    use(sshd, work)
    sshd.wait_until_empty()


def test_a_watcher_that_dies_leaves_nothing_behind(sshd):
    """The process is killed outright; the machine it watched is clean soon after."""
    script = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from boxwatch.sources import Login\nfrom boxwatch.sources.ssh_shell import SshShell\n"
        "shell = SshShell(Login('127.0.0.1', int(sys.argv[1]), sys.argv[2], (Path(sys.argv[3]),),"
        " Path(sys.argv[4])))\nasyncio.run(anext(shell.stream(['sleep', '1000'])))"
    )

    async def watch_and_die():
        argv = [sys.executable, "-c", script, str(sshd.port), sshd.user, sshd.key, sshd.known_hosts]
        process = await asyncio.create_subprocess_exec(*argv)
        await asyncio.to_thread(until, lambda: "sleep 1000" in theirs(sshd))
        process.kill()
        await process.wait()

    asyncio.run(watch_and_die())
    until(lambda: sshd.commands() == [])


def test_what_is_fed_reaches_the_command(sshd):
    """Bytes of the feed go to standard input, and its end closes it."""

    async def feed():
        yield b"one\n"
        await asyncio.sleep(0)
        yield b"two\n"

    outputs = use(sshd, lambda shell: gathered(shell, "cat", feed=feed()))
    assert b"".join(output.data for output in outputs) == b"one\ntwo\n"


def test_all_share_one_connection(sshd):
    """Eight commands at once are one login."""

    async def work(shell):
        argv = ["sh", "-c", "echo $PPID"]
        done = await asyncio.gather(*(shell.run(argv, limit_s=LONG) for _ in range(8)))
        return {one.stdout for one in done}, len(sshd.sessions())

    parents, sessions = use(sshd, work)
    assert (len(parents), sessions) == (1, 1)


@pytest.mark.parametrize("sessions", [2, 4])
def test_more_commands_than_the_server_allows_on_one_connection(sshd, sessions):
    """Further connections are made and commands wait their turn; all of them run."""
    config = sshd.folder / "sshd_config"
    config.write_text(config.read_text().replace("MaxSessions 10", f"MaxSessions {sessions}"))
    sshd.stop()
    sshd.start()

    async def work(shell):
        argv = ["sh", "-c", "sleep 0.2; echo x"]
        done = await asyncio.gather(*(shell.run(argv, limit_s=LONG) for _ in range(40)))
        return [one.stdout for one in done]

    assert use(sshd, work) == [b"x\n"] * 40


def test_a_server_that_allows_one_session_says_what_to_change(sshd):
    """The one is needed for the heartbeat; the error names the setting."""
    config = sshd.folder / "sshd_config"
    config.write_text(config.read_text().replace("MaxSessions 10", "MaxSessions 1"))
    sshd.stop()
    sshd.start()
    with pytest.raises(SourceError, match="MaxSessions") as caught:
        run(sshd, "true")
    assert caught.value.state == "denied"


def test_a_broken_connection_ends_what_ran_on_it_and_is_made_again(sshd):
    """Whoever reads is told; the next command runs on a new connection."""

    async def work(shell):
        stream = shell.stream(["sh", "-c", "echo x; sleep 1000"])
        await anext(stream)
        sshd.kill_sessions()
        with pytest.raises(SourceError, match="lost") as caught:
            await anext(stream)
        while True:
            with contextlib.suppress(SourceError):
                return caught.value.state, await shell.run(["echo", "again"], limit_s=LONG)
            await asyncio.sleep(0.02)

    state, again = use(sshd, work)
    assert (state, again.stdout) == ("failing", b"again\n")
    until(lambda: theirs(sshd) == [])


def test_a_host_that_stands_still_is_noticed(sshd):
    """Nobody answers any more though the connection stands: it counts as lost within seconds."""

    async def work(shell):
        stream = shell.stream(["sh", "-c", "echo x; sleep 1000"])
        await anext(stream)
        sshd.freeze()
        with pytest.raises(SourceError, match="lost"):
            async with asyncio.timeout(LONG):
                await anext(stream)
        sshd.thaw()

    use(sshd, work, silent_s=2.0)


def test_a_command_that_does_not_die_is_left_alone_and_not_started_again(sshd, icebox):
    """It is reported as hung, other programs run on, and once it is dead it is started again."""
    freeze = f"{icebox.freeze}; sleep 1000"

    async def work(shell):
        done = await shell.run(["sh", "-c", freeze], limit_s=BRIEFLY)
        with pytest.raises(SourceError) as caught:
            await shell.run(["sh", "-c", "true"], limit_s=LONG)
        other = await shell.run(["echo", "other"], limit_s=LONG)
        icebox.thaw()
        while True:
            with contextlib.suppress(SourceError):
                again = await shell.run(["sh", "-c", "true"], limit_s=LONG)
                return done.status, caught.value.state, other.stdout, again.status
            await asyncio.sleep(0.02)

    assert use(sshd, work, kill_wait_s=0.2) == (None, "hung", b"other\n", 0)


def test_a_command_that_does_not_die_is_remembered_over_new_connections(sshd, icebox):
    """It is not started again after the line broke; once it is dead, it is."""
    freeze = f"{icebox.freeze}; sleep 1000"

    async def again(shell, argv, until_state):
        while True:
            try:
                done = await shell.run(argv, limit_s=LONG)
            except SourceError as error:
                if error.state == until_state:
                    return error.state
            else:
                return done.stdout
            await asyncio.sleep(0.02)

    async def work(shell):
        await shell.run(["sh", "-c", freeze], limit_s=BRIEFLY)
        sshd.kill_sessions()
        other = await again(shell, ["echo", "other"], "")
        hung = await again(shell, ["sh", "-c", "echo x"], "hung")
        icebox.thaw()
        until(lambda: not icebox.processes())
        return other, hung, await again(shell, ["sh", "-c", "echo x"], "")

    assert use(sshd, work, kill_wait_s=0.2) == (b"other\n", "hung", b"x\n")


def test_a_host_that_does_not_answer_delays_no_other(sshd):
    """While one machine takes a connection and says nothing, another is used as ever."""

    async def work(shell):
        with socket.create_server(("127.0.0.1", 0)) as nobody:  # takes connections, says nothing
            silent = SshShell(login(sshd, port=nobody.getsockname()[1]))
            asking = asyncio.create_task(silent.run(["true"], limit_s=LONG))
            for _ in range(5):
                assert (await shell.run(["echo", "x"], limit_s=LONG)).stdout == b"x\n"
            assert not asking.done()
            asking.cancel()
            await asyncio.wait([asking])
            await silent.close()

    use(sshd, work)


def test_nothing_is_left_open_here(sshd, alone):
    """After many commands, ended, killed or missing, no file, child or task is left."""

    async def many():
        before = await alone()
        shell = SshShell(login(sshd))
        for _ in range(5):
            await shell.run(["echo", "x"], limit_s=LONG)
            await shell.run(["sleep", "1000"], limit_s=0.01)
            async with contextlib.aclosing(shell.stream(["yes"])) as stream:
                await anext(stream)
            with pytest.raises(SourceError):
                await shell.run(["no-such-tool"], limit_s=LONG)
        await shell.close()
        return before, await alone()

    before, after = asyncio.run(many())
    assert after == before
