"""Bytes as they come, cut into whole lines."""

from __future__ import annotations

from typing import Final

from boxwatch.sources.source import LINE_LIMIT

CUT: Final = b" [cut here: the line is longer than %d bytes]\n"


class Lines:
    """Holds back what follows the last newline until its own newline comes.

    A line longer than `limit` bytes is cut, ends in a mark that says so, and what remains of it
    is dropped. Memory stays below `limit` plus one piece.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held: list[bytes] = []  # joined only when a newline comes: a long line costs once
        self._held_bytes = 0
        self._dropping = False

    def feed(self, data: bytes) -> bytes:
        """The lines that `data` completes; empty if it completes none."""
        if self._dropping:
            start = data.find(b"\n") + 1
            if not start:
                return b""
            self._dropping = False
            data = data[start:]
        end = data.rfind(b"\n") + 1
        if end:
            whole = b"".join((*self._held, data[:end])) if self._held else data[:end]
            self._held = []
            self._held_bytes = 0
            data = data[end:]
        else:
            whole = b""
        if data:
            self._held.append(data)
            self._held_bytes += len(data)
        return whole + self._cut() if self._held_bytes > self._limit else whole

    def rest(self) -> bytes:
        """What was held back, ended by a newline; for when nothing more comes."""
        held = b"".join(self._held)
        self._held = []
        self._held_bytes = 0
        return held + b"\n" if held else b""

    def _cut(self) -> bytes:
        line = b"".join(self._held)[: self._limit]
        self._held = []
        self._held_bytes = 0
        self._dropping = True
        return line + CUT % self._limit
