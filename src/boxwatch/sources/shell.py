"""Commands on this machine: with a limit, each in a process group of its own.

None is waited for longer than it takes to see that it ignores being killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources.pipes import STDERR, STDIN, STDOUT, OutputLines
from boxwatch.sources.source import LINE_LIMIT, Completed, Output

# Bytes that a pipe holds: as much as one reading of it takes. The system's own 64 KiB are a
# millisecond of what a fast command writes.
_PIPE: Final = 256 << 10


class _Running(asyncio.SubprocessProtocol):
    """One started command: what it wrote and nobody took yet, and whether it lives.

    Reading pauses while more than `room` bytes wait, so the command blocks on its full pipe.
    """

    GRACE_S: Final = 0.5  # for what is still in the pipes of a command that ended

    def __init__(self, room: int) -> None:
        self.exited = asyncio.Event()
        self.changed = asyncio.Event()
        self.transport: asyncio.SubprocessTransport
        self._room = room
        self._waiting: list[tuple[int, bytes]] = []
        self._waiting_bytes = 0
        self._open = {STDOUT, STDERR}
        self._paused = False
        self._given_up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - narrows the type
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._waiting.append((fd, data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._room and not self._paused:
            self._paused = True
            for pipe in self._pipes():
                pipe.pause_reading()
        self.changed.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc
        self._open.discard(fd)
        self.changed.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.changed.set()
        # A grandchild may hold the pipes open for ever.
        asyncio.get_running_loop().call_later(self.GRACE_S, self._give_up)

    def take(self) -> list[tuple[int, bytes]]:
        """What waits, in the order it came; reading goes on."""
        waiting, self._waiting = self._waiting, []
        self._waiting_bytes = 0
        if self._paused:
            self._paused = False
            for pipe in self._pipes():
                pipe.resume_reading()
        return waiting

    def widen(self) -> None:
        """Let the command write on for longer while its reader is busy."""
        pipe = self.transport.get_pipe_transport(STDOUT)
        if pipe is not None:
            # This user's pipes hold as much as they may, or the command has ended already.
            with contextlib.suppress(OSError, ValueError):
                fcntl.fcntl(pipe.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, _PIPE)

    async def eat(self, feed: AsyncIterator[bytes]) -> None:
        """Write what `feed` gives to the command's standard input, then close it.

        Meant for a few bytes now and then: what the command does not read piles up in memory.
        """
        pipe = self.transport.get_pipe_transport(STDIN)
        assert isinstance(pipe, asyncio.WriteTransport)  # noqa: S101 - narrows the type
        async for data in feed:
            if pipe.is_closing():
                return
            pipe.write(data)
        pipe.close()

    @property
    def finished(self) -> bool:
        """True when nothing more can come."""
        if self._waiting:
            return False
        return self.exited.is_set() and (not self._open or (self._given_up and not self._paused))

    @property
    def holds_pipes(self) -> bool:
        """True while someone, the command or a child of it, can still write."""
        return bool(self._open)

    def _pipes(self) -> Iterable[asyncio.ReadTransport]:
        for fd in self._open:
            pipe = self.transport.get_pipe_transport(fd)
            if isinstance(pipe, asyncio.ReadTransport) and not pipe.is_closing():
                yield pipe

    def _give_up(self) -> None:
        self._given_up = True
        self.changed.set()


class LocalShell:
    """Runs commands on this machine; implements `Shell`.

    `env` replaces the environment of the commands; None leaves them this process's own.
    `kill_wait_s` is how long a killed command may take to die. One that does not (a process in
    uninterruptible sleep, as under a hung driver) is left alone: its pipes are closed, and its
    program is not started again while it is alive.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        line_limit: int = LINE_LIMIT,
        room: int = 1 << 20,
        kill_wait_s: float = 1.0,
    ) -> None:
        self._env = env
        self._line_limit = line_limit
        self._room = room
        self._kill_wait_s = kill_wait_s
        self._left: dict[str, asyncio.SubprocessTransport] = {}

    async def run(
        self, argv: Sequence[str], *, limit_s: float, limit_bytes: int = LINE_LIMIT
    ) -> Completed:
        """Run to the end or to a limit; what it wrote beyond `limit_bytes` is dropped.

        Raises:
            SourceError: see `Shell.run`.

        """
        running = await self._start(argv)
        written: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray()}
        flooded = timely = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    while not (running.finished or flooded):
                        await running.changed.wait()
                        running.changed.clear()
                        for fd, data in running.take():
                            room = limit_bytes - len(written[fd])
                            flooded = flooded or len(data) > room
                            written[fd] += data[:room]
                    timely = not flooded
        finally:
            await self._end(argv[0], running)
        status = running.transport.get_returncode() if timely else None
        return Completed(status, bytes(written[STDOUT]), bytes(written[STDERR]), flooded)

    async def stream(
        self, argv: Sequence[str], feed: AsyncIterator[bytes] | None = None
    ) -> AsyncGenerator[Output, None]:
        """Start and yield whole lines as they come.

        Raises:
            SourceError: see `Shell.stream`.

        """
        running = await self._start(argv, fed=feed is not None)
        running.widen()
        feeding = None if feed is None else asyncio.create_task(running.eat(feed))
        lines = OutputLines(self._line_limit)
        try:
            while not running.finished:
                await running.changed.wait()
                running.changed.clear()
                for output in lines.feed(running.take()):
                    yield output
            for output in lines.rest():
                yield output
        finally:
            if feeding is not None:
                feeding.cancel()
                await asyncio.wait([feeding])
            await self._end(argv[0], running)

    async def _start(self, argv: Sequence[str], *, fed: bool = False) -> _Running:
        program = argv[0]
        left = self._left.get(program)
        if left is not None:
            if left.get_returncode() is None:
                raise SourceError(
                    f"{program!r} (process {left.get_pid()}) was killed and does not end.",
                    hint="It waits inside the kernel, mostly for a driver; see `dmesg`.",
                    state="hung",
                )
            del self._left[program]
        try:
            _, running = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Running(self._room),
                *argv,
                stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
                env=self._env,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise SourceError(
                f"The program {program!r} is not on this machine.",
                hint="Install it, or put its folder on PATH.",
                state="absent",
            ) from error
        except PermissionError as error:
            raise SourceError(
                f"The program {program!r} may not be run by this user.", state="denied"
            ) from error
        except OSError as error:
            raise SourceError(f"The program {program!r} does not start: {error}.") from error
        return running

    async def _end(self, program: str, running: _Running) -> None:
        """Kill what still lives, wait shortly, and let go of the pipes."""
        try:
            if not running.exited.is_set() or running.holds_pipes:
                # The group's number stays taken while a member of it lives.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(running.transport.get_pid(), signal.SIGKILL)
            running.take()  # a paused pipe would never show its end
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._kill_wait_s):
                    await running.exited.wait()
        finally:
            if running.transport.get_returncode() is None:
                self._left[program] = running.transport
            running.transport.close()
