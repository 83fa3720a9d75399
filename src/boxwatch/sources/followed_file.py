"""One plain file, read line by line from where it was left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import xxhash

_FINGERPRINT_BYTES: Final = 256
LINE_LIMIT: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was left: which file it is, and how far it was read.

    `fingerprint` is `length:hash` of the first bytes: a file that was emptied and written anew
    keeps its inode but not them.
    """

    inode: int
    offset: int
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """For `position()`."""
        return {"inode": self.inode, "offset": self.offset, "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, found: object) -> Place | None:
        """The place that `as_json` made; None for anything else."""
        if not isinstance(found, Mapping):
            return None
        inode, offset, fingerprint = (found.get(k) for k in ("inode", "offset", "fingerprint"))
        if isinstance(inode, int) and isinstance(offset, int) and isinstance(fingerprint, str):
            return cls(inode, offset, fingerprint)
        return None


class FollowedFile:
    """An open file and the offset after the last whole line taken from it."""

    def __init__(self, path: str, place: Place | None = None, *, at_end: bool = False) -> None:
        """Open `path` and stand at `place`, or at the end of its last line, or at its start.

        Raises:
            OSError: it cannot be opened.

        """
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        found = os.fstat(self._file)
        self.inode = found.st_ino
        self.offset = 0
        self.restarted = False  # True if it was emptied and written anew
        if place is not None:
            if self._begins_as(place.fingerprint) and place.offset <= found.st_size:
                self.offset = place.offset
            else:
                self.restarted = True
        elif at_end:
            self.offset = self._after_last_line(found.st_size)
        self._fingerprint = self._mark()

    def take(self, room: int) -> list[tuple[int, bytes]]:
        """Whole lines without their newlines, each with its offset: at most about `room` bytes.

        A file that became shorter, or begins differently, is read from its start again.
        """
        size = os.fstat(self._file).st_size
        if size < self.offset or (size != self.offset and not self._begins_as(self._fingerprint)):
            self.offset = 0
            self.restarted = True
            self._fingerprint = self._mark()
        if size == self.offset:
            return []
        data = os.pread(self._file, min(room, size - self.offset), self.offset)
        end = data.rfind(b"\n") + 1
        while not end and len(data) < min(LINE_LIMIT, size - self.offset):
            more = os.pread(self._file, room, self.offset + len(data))
            if not more:
                break
            data += more
            end = data.rfind(b"\n") + 1
        if not end and len(data) >= LINE_LIMIT:
            end = LINE_LIMIT
        return self._split(data[:end])

    def has_more(self) -> bool:
        """True if there is anything after the last line taken."""
        return os.fstat(self._file).st_size != self.offset

    def rest(self) -> list[tuple[int, bytes]]:
        """A last line that never got its newline, of a file that nobody writes any more."""
        data = os.pread(self._file, LINE_LIMIT, self.offset)
        return self._split(data) if data else []

    def place(self) -> Place:
        """Where to read on."""
        return Place(self.inode, self.offset, self._fingerprint)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _split(self, data: bytes) -> list[tuple[int, bytes]]:
        lines = []
        for line in _by_newline(data):
            lines.append((self.offset, line.rstrip(b"\n")))
            self.offset += len(line)
        if lines and int(self._fingerprint.partition(":")[0]) < _FINGERPRINT_BYTES:
            self._fingerprint = self._mark()
        return lines

    def _mark(self) -> str:
        first = os.pread(self._file, min(_FINGERPRINT_BYTES, self.offset), 0)
        return f"{len(first)}:{xxhash.xxh3_64_hexdigest(first)}"

    def _begins_as(self, fingerprint: str) -> bool:
        length, _, digest = fingerprint.partition(":")
        first = os.pread(self._file, int(length), 0)
        return len(first) == int(length) and xxhash.xxh3_64_hexdigest(first) == digest

    def _after_last_line(self, size: int) -> int:
        """The offset after the last newline before `size`: a line in the making stays whole."""
        end = size
        while end > 0:
            start = max(0, end - 65536)
            found = os.pread(self._file, end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0


def _by_newline(data: bytes) -> list[bytes]:
    """Lines with their newlines; `splitlines` would break at carriage returns too."""
    *lines, last = data.split(b"\n")
    ended = [line + b"\n" for line in lines]
    return [*ended, last] if last else ended
