"""The bytes of a container's log, as the Docker Engine API sends them, cut into lines.

Without a terminal the two streams come in frames of an eight-byte header and a payload; with one,
as raw bytes (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/
ContainerAttach, "Stream format"). With time stamps asked for, the first byte tells which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources.lines import Lines
from boxwatch.sources.source import LINE_LIMIT, Output

STAMP: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ", re.ASCII
)
PART_BYTES: Final = 16384  # the engine cuts longer lines, and stamps every part (moby copier.go)

_HEADER: Final = 8
_STDERR: Final = 2
_ENGINE: Final = 3  # the engine itself says why it cannot go on
_LARGEST: Final = 64 << 20  # bytes; engines send a frame a line or a part of one


class Frames:
    """Turns what arrives into whole lines of one stream each, in the order of arrival.

    The parts of a long line become one line with the stamp of the first. What was not ended by a
    newline when the bytes end is left out: it is sent again when the log is read on.
    """

    def __init__(self, line_limit: int = LINE_LIMIT) -> None:
        self._waiting = bytearray()
        self._raw: Lines | None = None
        self._lines = {False: Lines(line_limit), True: Lines(line_limit)}  # by "is stderr"
        self._open = {False: False, True: False}  # whether a line waits for its next part
        self._line_limit = line_limit

    def feed(self, data: bytes) -> list[Output]:
        """The lines that `data` completes.

        Raises:
            SourceError: the bytes are no frames, or the engine reports why it cannot read the log.

        """
        if self._raw is None and not self._waiting and data[:1].isdigit():
            self._raw = Lines(self._line_limit)
        if self._raw is not None:
            whole = self._raw.feed(data)
            return [Output(whole)] if whole else []
        self._waiting += data
        return list(_together(self._payloads()))

    def _payloads(self) -> Iterable[tuple[bool, bytes]]:
        """The whole lines of every complete frame that waits."""
        waiting, start = self._waiting, 0
        while len(waiting) - start >= _HEADER:
            kind, size = waiting[start], int.from_bytes(waiting[start + 4 : start + _HEADER], "big")
            if kind > _ENGINE or any(waiting[start + 1 : start + 4]) or size > _LARGEST:
                raise SourceError(f"{bytes(waiting[start : start + _HEADER])!r} begins no frame.")
            end = start + _HEADER + size
            if len(waiting) < end:
                break
            payload = bytes(waiting[start + _HEADER : end])
            start = end
            if kind == _ENGINE:
                raise SourceError(payload.decode("utf-8", "backslashreplace").strip()[:300])
            if whole := self._whole(kind == _STDERR, payload):
                yield kind == _STDERR, whole
        del waiting[:start]

    def _whole(self, error: bool, payload: bytes) -> bytes:
        if not payload:
            return b""
        if self._open[error] and (stamp := STAMP.match(payload)):
            payload = payload[stamp.end() :]
        self._open[error] = not payload.endswith(b"\n")
        return self._lines[error].feed(payload)


def _together(pieces: Iterable[tuple[bool, bytes]]) -> Iterable[Output]:
    """Neighbours of one stream as one output."""
    run: list[bytes] = []
    current = False
    for error, lines in pieces:
        if run and error != current:
            yield Output(b"".join(run), current)
            run = []
        current = error
        run.append(lines)
    if run:
        yield Output(b"".join(run), current)


def joined(line: bytes) -> bytes:
    """`line`, without its own stamp, without those before its second and later parts.

    For where parts come as one line: a container with a terminal, and the docker command.
    """
    if len(line) <= PART_BYTES:
        return line
    parts = []
    while stamp := STAMP.match(line, PART_BYTES):
        parts.append(line[:PART_BYTES])
        line = line[stamp.end() :]
    return b"".join((*parts, line))
