"""The line to one host: made when it is asked for, and made again when it broke."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Final

import asyncssh

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.sources.login import Login
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.ssh_channel import OPEN_S, lost, open_channel
from boxwatch.sources.ssh_command import RemoteCommand
from boxwatch.sources.ssh_connection import connect
from boxwatch.sources.ssh_guard import Beat, Guard

_SESSIONS: Final = 10  # what sshd allows on one connection (MaxSessions of sshd_config(5))
REFUSED_S: Final = 0.5  # a connection that took no more commands is asked again after so long
_BEAT_S: Final = 20.0
_FIRST_BEATS: Final = 3  # the fastest of them tells the time best


class Link:
    """At most one connection to a host, shared by all who ask.

    While the host cannot be reached, attempts come with growing pauses, and whoever asks in
    between is told at once why the last one failed. `freed` is set whenever a command ended.
    """

    def __init__(
        self,
        login: Login,
        freed: asyncio.Event | None = None,
        pauses: Pauses | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.login = login
        self.running = 0  # commands with an open channel
        self._refused = -math.inf  # when the other side last took no more
        self._idle_refused: float | None = None
        self._freed = asyncio.Event() if freed is None else freed
        self._pauses = Pauses(1.0, 30.0) if pauses is None else pauses
        self._clock = SystemClock() if clock is None else clock
        self._connection: asyncssh.SSHClientConnection | None = None
        self._attempt: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._failure: SourceError | None = None
        self._again = 0.0  # when the next attempt may begin, monotonic
        self._news: asyncio.Future[Beat | SourceError] | None = None
        self.beat: Beat | None = None  # the last one, while they are answered

    async def connection(self) -> asyncssh.SSHClientConnection:
        """The connection, made now if there is none.

        Raises:
            SourceError: the host cannot be reached, or does not let us in.

        """
        if self._connection is not None:
            return self._connection
        if self._attempt is None:
            if self._failure is not None and self.wait_s > 0:
                raise _again(self._failure)
            self._attempt = asyncio.create_task(self._connect(), name=f"boxwatch:{self.login}")
            self._attempt.add_done_callback(_look)
        return await asyncio.shield(self._attempt)

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self._connection is not None

    @property
    def full(self) -> bool:
        """True while the other side takes no further command on this connection."""
        refused = time.monotonic() - self._refused < REFUSED_S
        return refused or self.running >= _SESSIONS - 1

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt may begin."""
        return max(0.0, self._again - time.monotonic())

    async def news(self) -> Beat:
        """The next answered heartbeat.

        Raises:
            SourceError: the connection was lost, or commands hang on the other side.

        """
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        news = await asyncio.shield(self._news)
        if isinstance(news, SourceError):
            raise news
        return news

    async def start(self, line: str, room: int) -> RemoteCommand | None:
        """Start a command line; None if the other side takes no more on this connection.

        Raises:
            SourceError: the host cannot be reached, does not answer, or takes no command at all.

        """
        connection = await self.connection()
        self.running += 1
        try:
            command = await open_channel(connection, self.login, line, room, self._one_less)
        except asyncssh.ChannelOpenError as error:
            now = time.monotonic()
            self._refused = now
            if self.running:
                self._idle_refused = None
            elif self._idle_refused is None:
                self._idle_refused = now  # what ended here may not have ended there yet
            elif now - self._idle_refused > OPEN_S / 3:
                raise SourceError(
                    f"{self.login} takes no command: {error.reason}.",
                    hint="MaxSessions in its sshd_config must be at least 2.",
                    state="denied",
                ) from error
            return None
        self._idle_refused = None
        return command

    def _one_less(self) -> None:
        self.running -= 1
        self._freed.set()

    async def close(self) -> None:
        """End the connection with all that runs on it."""
        for task in (self._attempt, self._beating):
            if task is not None:
                task.cancel()
                await asyncio.wait([task], timeout=1.0)
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.abort()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await connection.wait_closed()

    async def _connect(self) -> asyncssh.SSHClientConnection:
        try:
            connection = await connect(self.login)
            try:
                guard = await Guard.on(connection, self.login)
                beats = [await guard.ask(self._clock) for _ in range(_FIRST_BEATS)]
            except BaseException:
                connection.abort()
                raise
        except SourceError as error:
            self._failed(error)
            raise
        finally:
            self._attempt = None
        self._failure, self._connection = None, connection
        self._tell(min(beats, key=lambda beat: beat.round_trip_s))
        self._beating = asyncio.create_task(self._beat(connection, guard))
        self._beating.add_done_callback(_look)
        return connection

    async def _beat(self, connection: asyncssh.SSHClientConnection, guard: Guard) -> None:
        """Beat until the connection is gone, and say so when it is."""
        try:
            while not await guard.ended(_BEAT_S):
                try:
                    self._tell(await guard.ask(self._clock))
                    self._pauses.reset()
                except SourceError as error:
                    self._tell(error)
        finally:
            self._connection = None
            connection.abort()  # a connection whose guard was killed is made anew
            self._failed(lost(self.login, guard.command.lost))

    def _failed(self, error: SourceError) -> None:
        self._failure = error
        self._again = time.monotonic() + self._pauses.next()
        self._tell(error)

    def _tell(self, news: Beat | SourceError) -> None:
        self.beat = news if isinstance(news, Beat) else None
        if self._news is not None and not self._news.done():
            self._news.set_result(news)
        self._news = None


def _again(error: SourceError) -> SourceError:
    return SourceError(error.message, hint=error.hint, state=error.state)


def _look(task: asyncio.Task[asyncssh.SSHClientConnection] | asyncio.Task[None]) -> None:
    """Take note of how a task ended that nobody may be waiting for."""
    if not task.cancelled():
        task.exception()
