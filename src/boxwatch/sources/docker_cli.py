"""The docker command line behind a shell: for machines whose socket cannot be reached."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import orjson

from boxwatch.errors import SourceError
from boxwatch.sources.docker_engine import AT_ONCE, EVENTS, LIMIT_S, Record, refusal
from boxwatch.sources.docker_frames import STAMP
from boxwatch.sources.outbox import first_line
from boxwatch.sources.source import Completed, Output, Shell

# Less than a tenth of what `docker inspect` prints; the environment stays there, but for one name.
_FORMAT: Final = (
    '{"Id":{{json .Id}},"Name":{{json .Name}},"State":{{json .State}},'
    '"RestartCount":{{json .RestartCount}},"Image":{{json .Image}},"Config":{'
    '"Image":{{json .Config.Image}},"Tty":{{json .Config.Tty}},'
    '"Env":[{{range .Config.Env}}{{if eq (slice (printf "%-23s" .) 0 23) '
    '"NVIDIA_VISIBLE_DEVICES="}}{{json .}},{{end}}{{end}}null]},'
    '"HostConfig":{"LogConfig":{{json .HostConfig.LogConfig}},"Memory":{{json .HostConfig.Memory}},'
    '"RestartPolicy":{{json .HostConfig.RestartPolicy}},'
    '"DeviceRequests":{{json .HostConfig.DeviceRequests}}}}'
)


class CliEngine:
    """A Docker engine, asked with `docker`; implements `Engine`.

    `arguments` go before every command, such as `--host=URL`.
    """

    disorder_s = 60.0  # the streams come through two pipes, which are read in one go
    tail = 0  # a search by time is the engine's work, sending lines is the line's

    def __init__(
        self, shell: Shell, program: str = "docker", arguments: Sequence[str] = ()
    ) -> None:
        self._shell = shell
        self._command = (program, *arguments)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def containers(self) -> dict[str, bool]:
        """The full id of every container, and whether it runs.

        Raises:
            SourceError: the command is missing, refused, or the engine does not answer.

        """
        done = await self._run("ps", "--all", "--no-trunc", "--format={{.ID}} {{.Status}}")
        found = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            key, _, status = line.partition(" ")
            found[key] = status.startswith(("Up", "Restarting"))
        return found

    async def inspect(self, container_id: str) -> Record:
        """What the engine knows of a container.

        Raises:
            SourceError: absent if there is no such container.

        """
        done = await self._run("inspect", "--type=container", f"--format={_FORMAT}", container_id)
        try:
            found: Record = orjson.loads(done.stdout)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"docker inspect printed no JSON: {error}.") from error
        return found

    async def logs(
        self, container_id: str, since: str, *, follow: bool, tail: int = 0
    ) -> AsyncGenerator[Output, None]:
        """See `Engine.logs`."""
        argv = [*self._command, "logs", "--timestamps"]
        argv += ["--follow"] if follow else []
        argv += [f"--since={since}"] if since else []
        argv += [f"--tail={tail}"] if tail else []
        complaint = b""
        stream = self._shell.stream([*argv, container_id])
        async with contextlib.aclosing(stream):
            async for output in stream:
                if not output.error or STAMP.match(output.data):
                    yield output
                else:  # the command speaks for itself
                    complaint = output.data
        if complaint:
            raise refusal(first_line(complaint))

    async def events(self, since: str, until: str = "") -> AsyncGenerator[bytes, None]:
        """See `Engine.events`."""
        argv = [*self._command, "events", "--format={{json .}}", f"--since={since}"]
        argv += [f"--filter=event={event}" for event in EVENTS]
        argv += [f"--until={until}"] if until else []
        complaint = b""
        stream = self._shell.stream(argv)
        async with contextlib.aclosing(stream):
            async for output in stream:
                if output.error:
                    complaint = output.data
                else:
                    yield output.data
        if complaint or not until:
            raise refusal(first_line(complaint) or "docker events ended without a word")

    async def _run(self, *arguments: str) -> Completed:
        async with self._room:
            done = await self._shell.run([*self._command, *arguments], limit_s=LIMIT_S)
        if done.status is None:
            raise SourceError(f"docker did not answer in {LIMIT_S:g} s.", state="hung")
        if done.status != 0:
            raise refusal(first_line(done.stderr) or "docker ended without a word")
        return done
