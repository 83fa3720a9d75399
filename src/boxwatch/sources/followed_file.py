"""One plain file, read line by line from where it was left."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import xxhash

MARK_BYTES: Final = 256
LINE_LIMIT: Final = 32 << 20


class Content(Protocol):
    """Bytes that can be read from anywhere, and the age of the last of them."""

    inode: int  # of the file they are in

    def read_at(self, offset: int, most: int) -> bytes:
        """At most `most` bytes from `offset` on; fewer only at the end."""
        ...

    def mtime(self) -> int:
        """When it was last written, in nanoseconds."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was left: which file it is, and how far it was read.

    `fingerprint` and `tail` are `length:hash` of its first bytes and of the last ones that were
    read: a file that was emptied and written anew keeps its inode but not them, and a copy of it
    has them. `mtime` is when it had been written last. `done` are the parts of it that were read
    to their ends lately, by `known_by`.
    """

    inode: int
    offset: int
    fingerprint: str
    tail: str = "0:"
    mtime: int = 0
    done: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """For `position()`."""
        return {
            "inode": self.inode,
            "offset": self.offset,
            "fingerprint": self.fingerprint,
            "tail": self.tail,
            "mtime": self.mtime,
            "done": list(self.done),
        }

    @classmethod
    def from_json(cls, found: object) -> Place | None:
        """The place that `as_json` made; None for anything else."""
        if not isinstance(found, Mapping):
            return None
        inode, offset, mtime = (found.get(k, 0) for k in ("inode", "offset", "mtime"))
        fingerprint, tail = found.get("fingerprint"), found.get("tail", "0:")
        done = found.get("done", [])
        numbers = all(isinstance(number, int) for number in (inode, offset, mtime))
        if numbers and isinstance(fingerprint, str) and isinstance(tail, str):
            known = tuple(map(str, done)) if isinstance(done, list | tuple) else ()
            return cls(inode, offset, fingerprint, tail, mtime, known)
        return None


def mark(content: Content, start: int, end: int) -> str:
    """`length:hash` of the bytes from `start` to `end`."""
    return _digest(content.read_at(start, end - start))


def _digest(data: bytes) -> str:
    return f"{len(data)}:{xxhash.xxh3_64_hexdigest(data)}"


def holds(content: Content, place: Place) -> bool:
    """True if `content` is what `place` was taken in, as far as it had been read."""
    heads, tails = (_length(text) for text in (place.fingerprint, place.tail))
    return (mark(content, 0, heads) == place.fingerprint or heads == 0) and (
        tails == 0 or mark(content, place.offset - tails, place.offset) == place.tail
    )


def known_by(place: Place) -> str:
    """What a part that was read to its end is known by, packed or not."""
    return f"{place.fingerprint}@{place.mtime // 1_000_000_000}"


def _length(text: str) -> int:
    digits = text.partition(":")[0]
    return int(digits) if digits.isdigit() else 0


class PlainContent:
    """A plain file; never waits, whatever it turns out to be."""

    def __init__(self, path: str) -> None:
        """Open `path`.

        Raises:
            OSError: it cannot be opened, or is no plain file.

        """
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._file)
            raise OSError(f"{path} is no plain file")
        self.inode = found.st_ino

    def read_at(self, offset: int, most: int) -> bytes:
        """At most `most` bytes from `offset` on."""
        return os.pread(self._file, most, max(0, offset))

    def look(self) -> tuple[int, int]:
        """Size and time of the last writing, in nanoseconds."""
        found = os.fstat(self._file)
        return found.st_size, found.st_mtime_ns

    def mtime(self) -> int:
        """When it was last written, in nanoseconds."""
        return os.fstat(self._file).st_mtime_ns

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class FollowedFile:
    """Content and the offset after the last whole line taken from it.

    `inode` is the one its lines go by: that of the file which it is a part or a copy of.
    """

    def __init__(self, content: Content, inode: int, offset: int = 0) -> None:
        self.content = content
        self.inode = inode
        self.offset = offset
        self._mtime = content.mtime()
        # Kept as they were read: what stands there now may be something else.
        self._head = content.read_at(0, min(MARK_BYTES, offset)) if offset else b""
        start = max(0, offset - MARK_BYTES)
        self._tail = content.read_at(start, offset - start) if offset else b""

    def take(self, room: int) -> list[tuple[int, bytes]]:
        """Whole lines without their newlines, each with its offset: at most about `room` bytes."""
        self._mtime = self.content.mtime()
        data = self.content.read_at(self.offset, room)
        end = data.rfind(b"\n") + 1
        while not end and len(data) < LINE_LIMIT:
            more = self.content.read_at(self.offset + len(data), room)
            if not more:
                return []
            data += more
            end = data.rfind(b"\n") + 1
        return self._split(data[: end if end else LINE_LIMIT])

    def has_more(self) -> bool:
        """True if there is anything after the last line taken."""
        return bool(self.content.read_at(self.offset, 1))

    def rest(self) -> list[tuple[int, bytes]]:
        """A last line that never got its newline, of a file that nobody writes any more."""
        data = self.content.read_at(self.offset, LINE_LIMIT)
        return self._split(data) if data else []

    def place(self, offset: int | None = None, done: tuple[str, ...] = ()) -> Place:
        """Where to read on: here, or at `offset` before."""
        at = self.offset if offset is None else offset
        tail = _digest(self._tail) if at == self.offset else "0:"
        return Place(self.inode, at, _digest(self._head[:at]), tail, self._mtime, done)

    def close(self) -> None:
        """Let go of the content."""
        self.content.close()

    def _split(self, data: bytes) -> list[tuple[int, bytes]]:
        lines = []
        for line in _by_newline(data):
            lines.append((self.offset, line.rstrip(b"\n")))
            self.offset += len(line)
        self._tail = (self._tail + data[-MARK_BYTES:])[-MARK_BYTES:]
        if len(self._head) < MARK_BYTES:
            self._head = (self._head + data[:MARK_BYTES])[:MARK_BYTES]
        return lines


def after_last_line(content: PlainContent) -> int:
    """The offset after the last newline: a line in the making stays whole."""
    end, _ = content.look()
    while end > 0:
        start = max(0, end - 65536)
        found = content.read_at(start, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _by_newline(data: bytes) -> list[bytes]:
    """Lines with their newlines; `splitlines` would break at carriage returns too."""
    *lines, last = data.split(b"\n")
    ended = [line + b"\n" for line in lines]
    return [*ended, last] if last else ended
