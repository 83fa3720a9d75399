"""The pipes of a command: pieces as they come, made whole lines that know their pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from boxwatch.sources.lines import Lines
from boxwatch.sources.source import LINE_LIMIT, Output

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2


class OutputLines:
    """The lines of a command's two pipes, from pieces (which pipe, bytes) in their order."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._lines = {STDOUT: Lines(limit), STDERR: Lines(limit)}

    def feed(self, pieces: Sequence[tuple[int, bytes]]) -> Iterator[Output]:
        """The whole lines that `pieces` complete."""
        for fd, data in _joined(pieces):
            if whole := self._lines[fd].feed(data):
                yield Output(whole, error=fd == STDERR)

    def rest(self) -> Iterator[Output]:
        """What was held back; for when nothing more comes."""
        for fd, held in self._lines.items():
            if rest := held.rest():
                yield Output(rest, error=fd == STDERR)


def _joined(pieces: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Neighbouring pieces of the same pipe made one: fewer and larger steps downstream."""
    run: list[bytes] = []
    current = STDOUT
    for fd, data in pieces:
        if fd != current and run:
            yield current, b"".join(run)
            run = []
        current = fd
        run.append(data)
    if run:
        yield current, b"".join(run)
