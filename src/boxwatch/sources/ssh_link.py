"""The line to one host: made when it is asked for, made again when it broke, and measured.

On each connection a small shell on the other side answers our heartbeat with its time. When the
beats stop it ends the connection from there, so that a watcher that vanished leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import asyncssh

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.sources.login import Login
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.pipes import STDOUT
from boxwatch.sources.ssh_command import RemoteCommand, command_line
from boxwatch.sources.ssh_connection import connect

_SESSIONS: Final = 10  # what sshd allows on one connection (MaxSessions of sshd_config(5))
_OPEN_S: Final = 15.0  # how long a channel may take to open, or a beat to be answered
REFUSED_S: Final = 0.5  # a connection that took no more commands is asked again after so long
_BEAT_S: Final = 20.0
_SILENCE_S: Final = 90  # so long without a beat, and the other side ends the connection
_FIRST_BEATS: Final = 3  # the fastest of them tells the time best
# Ends the connection only when `timeout` says that nothing came, so while the server lives.
_ANSWERS: Final = (
    'command -v timeout >/dev/null || timeout() { shift; "$@"; }; while :; do '
    f"beat=$(timeout {_SILENCE_S} head -c1); ended=$?; "
    "test $ended -lt 124 || { kill -KILL $PPID; exit; }; "
    'test -n "$beat" || exit; date +%s.%N; done'
)


@dataclass(frozen=True, slots=True)
class Beat:
    """One answered heartbeat.

    `offset_s` is how far the other clock is ahead of ours: its time less the midpoint of the
    round trip of `round_trip_s` seconds, half of which it can be wrong (RFC 5905, section 8).
    """

    offset_s: float
    round_trip_s: float


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
            command = await self._session(connection, line, room, self._one_less)
        except asyncssh.ChannelOpenError as error:
            now = time.monotonic()
            self._refused = now
            if self.running:
                self._idle_refused = None
            elif self._idle_refused is None:
                self._idle_refused = now  # what ended here may not have ended there yet
            elif now - self._idle_refused > _OPEN_S / 3:
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
                guard = await _Guard.on(self, connection)
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

    async def _beat(self, connection: asyncssh.SSHClientConnection, guard: _Guard) -> None:
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

    async def _session(
        self,
        connection: asyncssh.SSHClientConnection,
        line: str,
        room: int,
        ended: Callable[[], None],
    ) -> RemoteCommand:
        """Open a channel for `line`; `ended` is called when it is gone or could not be opened."""
        opening = asyncio.create_task(_open(connection, line, room, ended))
        try:
            async with asyncio.timeout(_OPEN_S):
                return await asyncio.shield(opening)
        except TimeoutError as error:
            opening.add_done_callback(_hang_up)
            raise SourceError(
                f"{self.login} starts no command within {_OPEN_S:g} s.", state="hung"
            ) from error
        except asyncio.CancelledError:
            opening.add_done_callback(_hang_up)  # what was asked for comes all the same
            raise
        except (asyncssh.DisconnectError, OSError) as error:
            raise lost(self.login, error) from error


async def _open(
    connection: asyncssh.SSHClientConnection, line: str, room: int, ended: Callable[[], None]
) -> RemoteCommand:
    made: list[RemoteCommand] = []

    def make() -> RemoteCommand:
        made.append(RemoteCommand(room, ended))
        return made[0]

    try:
        await connection.create_session(make, line, encoding=None)
    except BaseException:
        if not made:
            ended()
        raise
    return made[0]


def _hang_up(opening: asyncio.Task[RemoteCommand]) -> None:
    """Close a channel that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().hang_up()


class _Guard:
    """The shell on the other side that answers beats and ends the connection without them."""

    def __init__(self, login: Login, command: RemoteCommand) -> None:
        self.command = command
        self._login = login
        self._owed = False  # an answer that came too late is none for the next question

    @classmethod
    async def on(cls, link: Link, connection: asyncssh.SSHClientConnection) -> _Guard:
        """A guard on `connection`.

        Raises:
            SourceError: this account runs no commands.

        """
        line = command_line(["sh", "-c", _ANSWERS], fed=True)
        try:
            command = await link._session(connection, line, 1 << 16, lambda: None)
        except asyncssh.ChannelOpenError as error:
            raise _no_commands(link.login, error.reason) from error
        return cls(link.login, command)

    async def ask(self, clock: Clock) -> Beat:
        """One beat.

        Raises:
            SourceError: no answer came, or none can come any more.

        """
        if self._owed:
            await self._answer()
        began, sent = time.monotonic(), clock.now().timestamp()
        self.command.write(b".")
        self._owed = True
        there = await self._answer()
        took = time.monotonic() - began
        return Beat(there - (sent + took / 2), took)

    async def ended(self, limit_s: float) -> bool:
        """Wait for the end, at most `limit_s`; True if it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.command.closed.wait()
        return self.command.closed.is_set()

    async def _answer(self) -> float:
        said = b""
        try:
            async with asyncio.timeout(_OPEN_S):
                while not said.endswith(b"\n"):
                    if self.command.closed.is_set():
                        raise _no_commands(self._login, self.command.complaint)
                    await self.command.changed.wait()
                    self.command.changed.clear()
                    said += b"".join(data for fd, data in self.command.take() if fd == STDOUT)
        except TimeoutError as error:
            raise SourceError(
                f"{self._login} is connected, but runs no command within {_OPEN_S:g} s.",
                hint="It may be out of memory, or waiting for a disk.",
                state="hung",
            ) from error
        self._owed = False
        return _seconds(said, self._login)


def lost(login: Login, error: BaseException | None) -> SourceError:
    """What is said when the connection broke."""
    reason = getattr(error, "reason", "") or str(error or "")
    return SourceError(
        f"The connection to {login} was lost{': ' * bool(reason)}{reason.rstrip('.')}.",
        hint="It is made again as soon as the machine answers.",
    )


def _no_commands(login: Login, said: str) -> SourceError:
    return SourceError(
        f"{login} lets us in and runs no commands{': ' * bool(said)}{said.rstrip('.')}.",
        hint="The account needs a shell such as /bin/sh, and no forced command.",
        state="denied",
    )


def _seconds(said: bytes, login: Login) -> float:
    try:
        return float(said.split()[-1].removesuffix(b".%N"))  # busybox knows no fractions
    except ValueError:
        raise SourceError(
            f"{login} answers {said[:100]!r} in place of the time.",
            hint="The account needs a shell such as /bin/sh, and `date`.",
            state="denied",
        ) from None


def _again(error: SourceError) -> SourceError:
    return SourceError(error.message, hint=error.hint, state=error.state)


def _look(task: asyncio.Task[asyncssh.SSHClientConnection] | asyncio.Task[None]) -> None:
    """Take note of how a task ended that nobody may be waiting for."""
    if not task.cancelled():
        task.exception()
