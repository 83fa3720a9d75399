"""One command on another machine: how it is started so that nothing of it stays behind there."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import asyncssh

from boxwatch.sources.pipes import STDERR, STDOUT

# What the login shell of the other side prints before a command begins is none of its output.
# With the number of the process, which stays that of the command.
_MARK: Final = re.compile(rb"::boxwatch begins:: (\d{1,10})\n")
_SAYS_MARK: Final = "echo ::boxwatch begins:: $$"
_FOUND: Final = (
    'case $1 in */*) test -x "$1";; *) command -v "$1" >/dev/null 2>&1;; esac || '
    '{ test -e "$1" && exit 126; exit 127; }; '
)
# An SSH server closes the pipes of a command whose channel is closed, and lets it run. So a
# watching shell reads the standard input, which nobody writes to, and at its end kills the group
# of processes that the server made for this command.
_GUARDED: Final = (
    "exec 3<&0; { while read -r x; do :; done; kill -KILL 0; } <&3 >/dev/null 2>&1 & "
    'exec "$@" </dev/null 3<&-'
)
_NOISE: Final = 1 << 16  # bytes looked through for the mark


def command_line(argv: Sequence[str], *, fed: bool) -> str:
    """`argv` for the login shell of the other side, whichever it is.

    Exits with 127 where the program is missing and with 126 where it may not be run, without the
    mark. When its standard input ends the command is killed with all of its group; a command that
    is `fed` has its standard input for itself and must end with it.
    """
    said = f"{_SAYS_MARK}; {_SAYS_MARK} >&2; "
    script = _FOUND + said + ('exec "$@"' if fed else _GUARDED)
    return shlex.join(["sh", "-c", script, "sh", *argv])


class RemoteCommand(asyncssh.SSHClientSession[bytes]):
    """A started command: what it wrote and nobody took yet, and how it ended.

    Reading pauses while more than `room` bytes wait, so the command blocks on its full pipe.
    `ended` is called once, when its channel is gone.
    """

    GRACE_S: Final = 2.0  # without output, for what is still on the way from a command that ended

    def __init__(self, room: int, ended: Callable[[], None]) -> None:
        self.changed = asyncio.Event()
        self.closed = asyncio.Event()
        self.status: int | None = None  # negative: the signal that ended it
        self.lost: Exception | None = None
        self.begun = False
        self.pid: int | None = None  # on the other machine, once it has begun
        self._room = room
        self._ended = ended
        self._noise: dict[int, bytes | None] = {STDOUT: b"", STDERR: b""}
        self._waiting: list[tuple[int, bytes]] = []
        self._waiting_bytes = 0
        self._paused = False
        self._given_up: asyncio.TimerHandle | None = None
        self._late = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Called by the channel when it is open."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Called by the channel with output."""
        fd = STDOUT if datatype is None else STDERR
        data = self._after_mark(fd, data)
        if not data:
            return
        self._waiting.append((fd, data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._room and not self._paused:
            self._paused = True
            self._channel.pause_reading()
        if self._given_up is not None:
            self._give_grace()
        self.changed.set()

    def _after_mark(self, fd: int, data: bytes) -> bytes:
        noise = self._noise[fd]
        if noise is None:
            return data
        noise += data
        mark = _MARK.search(noise)
        if mark is not None:
            self._noise[fd] = None
            self.begun = True
            self.pid = int(mark[1])
            self.changed.set()
            return noise[mark.end() :]
        self._noise[fd] = noise[-_NOISE:]
        return b""

    def eof_received(self) -> bool:
        """Called by the channel at the end of output; the other way stays open."""
        return True

    def exit_status_received(self, status: int) -> None:
        """Called by the channel when the command ended."""
        self.status = status
        self._give_grace()
        self.changed.set()

    def exit_signal_received(self, signal_: str, core_dumped: bool, msg: str, lang: str) -> None:
        """Called by the channel when a signal ended the command."""
        del core_dumped, msg, lang
        known = signal.Signals.__members__.get(f"SIG{signal_}", signal.SIGKILL)
        self.exit_status_received(-known)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the channel is gone, with or without its connection."""
        self.lost = exc
        if self._given_up is not None:
            self._given_up.cancel()
        self.closed.set()
        self.changed.set()
        self._ended()

    def take(self) -> list[tuple[int, bytes]]:
        """What waits, in the order it came; reading goes on."""
        waiting, self._waiting = self._waiting, []
        self._waiting_bytes = 0
        if self._paused:
            self._paused = False
            self._channel.resume_reading()
        return waiting

    async def eat(self, feed: AsyncIterator[bytes]) -> None:
        """Write what `feed` gives to the command's standard input, then end it."""
        async for data in feed:
            self.write(data)
        self.end_input()

    def write(self, data: bytes) -> None:
        """Give `data` to the command's standard input, if it still listens."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def end_input(self) -> None:
        """End the command's standard input, which is what kills it."""
        if not self._channel.is_closing():
            self._channel.write_eof()

    def hang_up(self) -> None:
        """Close the channel, whatever the command does."""
        self._channel.close()

    @property
    def finished(self) -> bool:
        """True when nothing more can come."""
        if self._waiting:
            return False
        return self.closed.is_set() or (self._late and not self._paused)

    @property
    def complaint(self) -> str:
        """What was said before the command could begin: a refusal of the account, mostly."""
        said = b" ".join(noise for noise in self._noise.values() if noise)
        return " ".join(said.decode("utf-8", "backslashreplace").split())[:300]

    def _give_grace(self) -> None:
        """From now on only so long without output until it counts as over."""
        if self._given_up is not None:
            self._given_up.cancel()
        self._given_up = asyncio.get_running_loop().call_later(self.GRACE_S, self._give_up)

    def _give_up(self) -> None:
        self._late = True
        self.changed.set()
