"""The two seams through which records arrive: a Source reads, a Shell runs the tools it reads with.

Resume contract: all state of a source is in `position()`. A source built with a position reads on
after the last row that had been handed over when the position was taken.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from boxwatch.events.schema import RawChunk

Position = Mapping[str, object]  # JSON-able; {} means from the start

LINE_LIMIT: Final = 32 << 20  # bytes; a 10 MB line is real, a line without an end is not


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. `status` is None when it was given up at a limit.

    `flooded` says that it was the limit of bytes; else it was that of time.
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    flooded: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """Whole lines a running command wrote, to its standard error if `error`."""

    data: bytes
    error: bool = False


class Shell(Protocol):
    """This machine, or another one: where commands run."""

    async def run(
        self, argv: Sequence[str], *, limit_s: float, limit_bytes: int = LINE_LIMIT
    ) -> Completed:
        """Run to the end, to the limit of time, or until it wrote more than `limit_bytes`.

        A command that ignores SIGKILL is left behind.

        Raises:
            SourceError: the program is not there (state absent), may not be run (denied), or
                an earlier run of it was left behind and is still alive (hung).

        """
        ...

    def stream(
        self, argv: Sequence[str], feed: AsyncIterator[bytes] | None = None
    ) -> AsyncGenerator[Output, None]:
        """Start and yield output as it comes, in whole lines; ends when the command ends.

        What `feed` gives goes to the command's standard input, which is closed when `feed` ends;
        without one it is empty. Closing the generator kills the command. What is not taken stays
        with the command: it blocks when its pipe is full.

        Raises:
            SourceError: as `run` does.

        """
        ...


class Source(Protocol):
    """A place records come from."""

    name: str  # journald, docker, nvidia, host, kernel, files, ...

    async def read(self) -> Sequence[RawChunk]:
        """What came since the last call; returns promptly, empty when there is nothing.

        A tool that is absent, refused or hung is no exception: the source says so once, with a
        `status` chunk, and goes on trying with growing pauses.
        """
        ...

    def position(self) -> Position:
        """Where to read on: after the last row handed over."""
        ...

    async def close(self) -> None:
        """Stop every process and task of this source, within two seconds."""
        ...
