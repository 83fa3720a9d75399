"""The heartbeat of a connection: it ends what a vanished watcher left, and measures the clock.

On each connection a small shell on the other side answers our beats with its time. When they stop
it ends the connection from there, and with it all that runs on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Final

import asyncssh

from boxwatch.clock import Clock
from boxwatch.errors import SourceError
from boxwatch.sources.login import Login
from boxwatch.sources.pipes import STDOUT
from boxwatch.sources.ssh_channel import OPEN_S, open_channel
from boxwatch.sources.ssh_command import RemoteCommand, command_line

_SILENCE_S: Final = 90  # so long without a beat, and the other side ends the connection
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


class Guard:
    """The shell on the other side that answers beats and ends the connection without them."""

    def __init__(self, login: Login, command: RemoteCommand) -> None:
        self.command = command
        self._login = login
        self._owed = False  # an answer that came too late is none for the next question

    @classmethod
    async def on(cls, connection: asyncssh.SSHClientConnection, login: Login) -> Guard:
        """A guard on `connection`.

        Raises:
            SourceError: this account runs no commands.

        """
        line = command_line(["sh", "-c", _ANSWERS], fed=True)
        try:
            command = await open_channel(connection, login, line, 1 << 16, lambda: None)
        except asyncssh.ChannelOpenError as error:
            raise _no_commands(login, error.reason) from error
        return cls(login, command)

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
            async with asyncio.timeout(OPEN_S):
                while not said.endswith(b"\n"):
                    if self.command.closed.is_set():
                        raise _no_commands(self._login, self.command.complaint)
                    await self.command.changed.wait()
                    self.command.changed.clear()
                    said += b"".join(data for fd, data in self.command.take() if fd == STDOUT)
        except TimeoutError as error:
            raise SourceError(
                f"{self._login} is connected, but runs no command within {OPEN_S:g} s.",
                hint="It may be out of memory, or waiting for a disk.",
                state="hung",
            ) from error
        self._owed = False
        return _seconds(said, self._login)


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
