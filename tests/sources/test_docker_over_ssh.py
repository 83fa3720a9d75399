"""Containers of another machine: a real engine behind a real sshd."""

import asyncio

import pytest

from boxwatch.sources import DockerOptions, DockerSource, Login, Pauses
from boxwatch.sources.docker_api import ApiEngine
from boxwatch.sources.docker_cli import CliEngine
from boxwatch.sources.docker_either import EitherEngine
from boxwatch.sources.ssh_dial import SshDial
from boxwatch.sources.ssh_shell import SshShell


@pytest.fixture
def over_ssh(sshd, engine):
    """What `work(source, shell)` returns, on a source that reads the engine through `sshd`."""

    def run(work):
        async def go():
            files = {"keys": (sshd.key,), "known_hosts": sshd.known_hosts}
            login = Login("127.0.0.1", sshd.port, sshd.user, **files, connect_s=60.0)
            shell = SshShell(login, pauses=Pauses(0.05, 0.05))
            socket = ApiEngine(f"{engine.folder}/docker.sock", SshDial(shell))
            either = EitherEngine(socket, CliEngine(shell, "docker", engine.arguments))
            options = DockerOptions(engine=either, pauses=Pauses(0.05, 0.2), first_pause_s=0.05)
            source = DockerSource(shell, "far", None, options)
            try:
                return await work(source)
            finally:
                await source.close()
                await shell.close()

        return asyncio.run(go())

    return run


@pytest.fixture
def heard(until, rows):
    """What containers said until one said `last`."""

    async def go(source, last):
        return rows(await until(source, lambda c: last in _texts(rows(c, "docker"))), "docker")

    return go


@pytest.fixture
def started(engine, until, rows, heard):
    """Start a container once `source` stands, and read it until it said `last`."""

    async def go(source, script, last):
        await until(source, lambda c: rows(c, "status"))
        await asyncio.to_thread(engine.run, script)
        return await heard(source, last)

    return go


def _texts(lines):
    return [line["message"] for line in lines]


def test_no_process_is_needed_there(over_ssh, sshd, started):
    """The socket comes through the connection: both streams are read, and no docker runs."""

    async def work(source):
        lines = await started(source, "echo err >&2; echo out; echo last; sleep 60", "last")
        return lines, sshd.commands()

    lines, commands = over_ssh(work)
    assert {line["stream"] for line in lines} == {"stdout", "stderr"}
    assert {line["host"] for line in lines} == {"far"}
    assert not [command for command in commands if "docker" in command]


def test_where_the_socket_is_not_let_through_the_command_is_used(over_ssh, sshd, started):
    """As with a key that may not forward anything."""
    keys = sshd.folder / "authorized_keys"
    keys.write_text("no-port-forwarding " + keys.read_text())

    async def work(source):
        return await started(source, "echo one; sleep 60", "one"), sshd.commands()

    lines, commands = over_ssh(work)
    assert _texts(lines) == ["one"]
    assert any("docker" in command and "events" in command for command in commands)


def test_a_connection_that_breaks_loses_and_doubles_nothing(over_ssh, sshd, heard, started):
    """What was written meanwhile comes once the host is there again."""

    async def work(source):
        script = "echo one; sleep 1; for i in 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done; sleep 60"
        lines = await started(source, script, "one")
        sshd.kill_sessions()
        return lines + await heard(source, "8")

    assert _texts(over_ssh(work)) == ["one", *map(str, range(2, 9))]
