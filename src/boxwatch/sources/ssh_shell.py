"""Commands on another machine over SSH; one line to it, shared by all its sources."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources.login import Login
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.pipes import STDERR, STDOUT, OutputLines
from boxwatch.sources.source import LINE_LIMIT, Completed, Output
from boxwatch.sources.ssh_channel import lost
from boxwatch.sources.ssh_command import RemoteCommand, command_line
from boxwatch.sources.ssh_link import REFUSED_S, Link

_MOST_LINKS: Final = 8
_BEGIN_S: Final = 30.0  # how long the other side may take to start a command
_ABSENT: Final = 127  # exit statuses of the shell, Shell Command Language 2.8.2
_DENIED: Final = 126


class SshShell:
    """Runs commands on the host that `login` names; implements `Shell`.

    `link` is its line to the host: whoever wants to know how that is doing asks there.
    All share one connection. Where more run at once than the server allows on one, further
    connections are made, and beyond those a command waits for another to end. A command ends on
    the other machine when its reader goes, or when the connection does. One that does not die is
    remembered, over new connections too, and its program is not started again until it is gone.
    """

    def __init__(
        self,
        login: Login,
        *,
        pauses: Pauses | None = None,
        line_limit: int = LINE_LIMIT,
        room: int = 1 << 20,
        kill_wait_s: float = 1.0,
    ) -> None:
        self._freed = asyncio.Event()
        self.link = Link(login, self._freed, pauses)
        self._login = login
        self._line_limit = line_limit
        self._room = room
        self._kill_wait_s = kill_wait_s
        self._links = [self.link]
        self._left: dict[str, RemoteCommand] = {}

    async def run(
        self, argv: Sequence[str], *, limit_s: float, limit_bytes: int = LINE_LIMIT
    ) -> Completed:
        """Run to the end or to a limit; what it wrote beyond `limit_bytes` is dropped.

        The time begins when the other side has begun.

        Raises:
            SourceError: see `Shell.run`; also, the host cannot be reached or was lost.

        """
        command = await self._start(argv, fed=False)
        written = {STDOUT: bytearray(), STDERR: bytearray()}
        flooded = timely = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    while not (command.finished or flooded):
                        await command.changed.wait()
                        command.changed.clear()
                        for fd, data in command.take():
                            room = limit_bytes - len(written[fd])
                            flooded = flooded or len(data) > room
                            written[fd] += data[:room]
                    timely = not flooded
            if timely:
                self._check_end(command)
        finally:
            await self._end(argv[0], command)
        status = command.status if timely else None
        return Completed(status, bytes(written[STDOUT]), bytes(written[STDERR]), flooded)

    async def stream(
        self, argv: Sequence[str], feed: AsyncIterator[bytes] | None = None
    ) -> AsyncGenerator[Output, None]:
        """Start and yield whole lines as they come.

        Raises:
            SourceError: see `Shell.stream`; also, the host cannot be reached or was lost.

        """
        command = await self._start(argv, fed=feed is not None)
        feeding = None if feed is None else asyncio.create_task(command.eat(feed))
        lines = OutputLines(self._line_limit)
        try:
            while not command.finished:
                await command.changed.wait()
                command.changed.clear()
                for output in lines.feed(command.take()):
                    yield output
            for output in lines.rest():
                yield output
            self._check_end(command)
        finally:
            if feeding is not None:
                feeding.cancel()
                await asyncio.wait([feeding])
            await self._end(argv[0], command)

    async def close(self) -> None:
        """End all that runs on the other machine, and the connections."""
        await asyncio.gather(*(link.close() for link in self._links))

    async def _start(self, argv: Sequence[str], *, fed: bool) -> RemoteCommand:
        program = argv[0]
        left = self._left.get(program)
        if left is not None and (not left.closed.is_set() or await self._lives(program, left)):
            raise SourceError(
                f"{program!r} on {self._login.host} was killed and does not end.",
                hint="It waits inside the kernel, mostly for a driver; see `dmesg` there.",
                state="hung",
            )
        self._left.pop(program, None)
        command = await self._channel(command_line(argv, fed=fed))
        try:
            async with asyncio.timeout(_BEGIN_S):
                while not (command.begun or command.finished):
                    await command.changed.wait()
                    command.changed.clear()
        except TimeoutError as error:
            raise SourceError(
                f"{program!r} on {self._login.host} does not begin within {_BEGIN_S:g} s.",
                state="hung",
            ) from error
        finally:
            if not command.begun:
                await self._end(program, command)
        if not command.begun:
            raise self._not_begun(program, command)
        command.changed.set()
        return command

    async def _lives(self, program: str, left: RemoteCommand) -> bool:
        """True if `left`, whose connection was lost, is still there; if nobody can tell, too."""
        if left.status is not None or left.pid is None:
            return False
        line = command_line(["cat", f"/proc/{left.pid}/stat"], fed=False)
        asking, text = await self._channel(line), b""
        try:
            async with asyncio.timeout(_BEGIN_S):
                while not asking.finished:
                    await asking.changed.wait()
                    asking.changed.clear()
                    text += b"".join(data for fd, data in asking.take() if fd == STDOUT)
        except TimeoutError:
            return True
        finally:
            asking.hang_up()
        self._check_end(asking)
        # The name is cut to 15 bytes and stands in brackets, the state behind it, proc(5).
        name, _, state = text.partition(b"(")[2].rpartition(b") ")
        return name == os.path.basename(program).encode()[:15] and not state.startswith(b"Z")

    def _not_begun(self, program: str, command: RemoteCommand) -> SourceError:
        where = self._login.host
        if command.status == _ABSENT:
            return SourceError(
                f"The program {program!r} is not on {where}.",
                hint="Install it there, or put its folder on the PATH of this login.",
                state="absent",
            )
        if command.status == _DENIED:
            return SourceError(
                f"The program {program!r} on {where} may not be run by {self._login.user!r}.",
                state="denied",
            )
        if command.status is None:
            return lost(self._login, command.lost)
        return SourceError(
            f"{where} does not begin {program!r} (status {command.status}): "
            f"{command.complaint or 'it says nothing'}.",
            state="denied",
        )

    def _check_end(self, command: RemoteCommand) -> None:
        """Raise where the output ended with the connection and not with the command."""
        if command.status is None:
            raise lost(self._login, command.lost)

    async def _channel(self, line: str) -> RemoteCommand:
        while True:
            command = await (await self._free()).start(line, self._room)
            if command is not None:
                return command

    async def _free(self) -> Link:
        """A link that takes one more command; waits for one."""
        while True:
            await self.link.connection()  # a host that is out of reach says so at once
            for link in self._links:
                if not link.full:
                    return link
            if len(self._links) < _MOST_LINKS:
                self._links.append(Link(self._login, self._freed))
                continue
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFUSED_S):
                    await self._freed.wait()

    async def _end(self, program: str, command: RemoteCommand) -> None:
        """Kill what still lives, wait shortly, and let go of the channel."""
        if command.closed.is_set():
            return
        command.take()  # a paused channel would never show its end
        command.end_input()
        try:
            async with asyncio.timeout(self._kill_wait_s):
                while not (command.closed.is_set() or command.status is not None):
                    command.take()
                    await command.changed.wait()
                    command.changed.clear()
        except TimeoutError:
            self._left[program] = command
        finally:
            if command.status is not None:
                command.hang_up()
