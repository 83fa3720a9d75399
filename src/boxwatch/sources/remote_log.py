"""One log of another machine over its life: where it was left, and which file comes after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from boxwatch.sources.joined_lines import JoinedLines, Record
from boxwatch.sources.rotated import plain_name
from boxwatch.sources.unpacking import UNPACK

ROOM: Final = 256 << 10  # bytes asked for at once
_MOST_ROOM: Final = 8 << 20  # for a line that is longer; a longer one is cut
_TAIL: Final = 64  # bytes by which a file is known again
_MOST_DONE: Final = 16  # files remembered as read


class Listed(NamedTuple):
    """A file that is there: its size in bytes, its last change in seconds."""

    inode: int
    size: int
    mtime: int


@dataclass(slots=True)
class RemoteLog:
    """Reads a log by questions and answers; `position()` is all of its state.

    Lines go by the inode of the file they stand in. A file that is renamed is read to its end, and
    on in the parts that were rotated since and in the file that has the name now, in their order.
    """

    path: str
    inode: int
    offset: int = 0
    tail: bytes = b""  # the last bytes before `offset`
    mtime: int = 0
    skip: bool = False  # the first line was there before, only its end is ahead
    done: tuple[int, ...] = ()  # inodes that were read to their ends
    check: bool = False  # the next answer begins with `tail`, or it is another file
    room: int = ROOM
    more: bool = False  # there is more to be had at once
    away: bool = False  # the name belongs to another file: its older parts are asked for
    gone: bool = False  # the file is in its folder under no name any more
    losses: list[str] = field(default_factory=list)
    joined: JoinedLines = field(default_factory=JoinedLines)
    _partial: bytes = b""
    _still: float | None = None  # since when nothing came

    @property
    def question(self) -> str:
        """What to ask: bytes from where it was left, and older parts where it was rotated."""
        back = len(self.tail) if self.check else 0
        code = os.fsencode(self.path).hex()
        parts = f"g:{os.fsencode(f'{self.path}[.-]*').hex()} " if self.away else ""
        return f"{parts}f:{code}:{self.inode}:{self.offset - back}:{self.room + back}"

    def take(self, data: bytes, now: float) -> list[Record]:
        """The records that `data`, the answer, completes."""
        asked = self.room + (len(self.tail) if self.check else 0)
        full = len(data) >= asked
        if self.check:
            self.check = False
            if not data.startswith(self.tail):
                self.begin_anew("is another file now, with the number that it had")
                return self.joined.flush()
            data = data[len(self.tail) :]
        end = data.rfind(b"\n") + 1
        if full and not end and self.room < _MOST_ROOM:
            self.room *= 2
        elif full and not end:
            end = len(data)
        else:
            self.room = ROOM
        self.more = full
        self._partial = data[end:]
        self._still = (now if self._still is None else self._still) if not end else None
        lines = self._lines(data[:end])
        return self.joined.add(lines, now) if lines else self.joined.late(now)

    def begin_anew(self, why: str) -> None:
        """What was read is no longer there: read from the start."""
        self.losses.append(f"{self.path} {why}; what was not read of it before is not known")
        self.offset, self.tail, self.skip, self.check = 0, b"", False, False

    def lose(self) -> None:
        """The file is in its folder under no name, and was not read to its end."""
        if not self.gone:
            self.losses.append(f"{self.path} was rotated away before it was read to its end")
        self.gone, self._partial = True, b""

    def over(self, listed: Mapping[str, Listed], now: float, linger_s: float) -> bool:
        """True if it ended: it is not the file of that name, and did not grow for `linger_s`.

        Not before its older parts are among `listed`.
        """
        current = listed.get(self.path)
        if current is not None and current.inode == self.inode:
            self.mtime = max(self.mtime, current.mtime)
            self.away = False
            return False
        if not self.away:
            self.away = self.more = True
            return False
        parts = (one for one in listed.values() if one.inode == self.inode)
        self.mtime = max([self.mtime, *(one.mtime for one in parts)])
        return self.gone or (self._still is not None and now - self._still >= linger_s)

    def rest(self) -> list[Record]:
        """What was held back, and a last line that never got its newline."""
        records = self.joined.flush()
        if self._partial and not self.skip:
            records.append(Record(self.offset, self._partial))
        return records

    def go_on(self, listed: Mapping[str, Listed]) -> bool:
        """Read the next file from its start; False if there is none (yet)."""
        self.done = (*self.done, self.inode)[-_MOST_DONE:]
        for path in _by_age(_parts(self.path, listed), listed):
            about = listed[path]
            if about.inode in self.done or about.mtime < self.mtime:
                continue
            if os.path.splitext(path)[1] not in UNPACK:
                self._begin(about)
                return True
            if about.mtime > self.mtime:
                said = "was packed before it was read; on another machine such parts are not read"
                self.losses.append(f"{path} of {about.size:,} bytes {said}")
                self.done = (*self.done, about.inode)[-_MOST_DONE:]
        current = listed.get(self.path)
        if current is None:
            return False
        self._begin(current)
        return True

    def position(self) -> dict[str, object]:
        """Where to read on: after the last record handed over."""
        held = self.joined.held_from
        return {
            "inode": self.inode,
            "offset": self.offset if held is None else held,
            "tail": self.tail.hex() if held is None else "",
            "mtime": self.mtime,
            "skip": self.skip,
            "done": list(self.done),
        }

    @classmethod
    def at(cls, path: str, found: Mapping[str, Any], hold_s: float) -> RemoteLog:
        """The log that stands where `position()` said.

        Raises:
            ValueError: that is no position.

        """
        try:
            tail = bytes.fromhex(found["tail"])
            done = tuple(int(inode) for inode in found["done"])
            return cls(
                path,
                *(int(found["inode"]), int(found["offset"]), tail, int(found["mtime"])),
                skip=bool(found["skip"]),
                done=done,
                check=bool(tail),
                joined=JoinedLines(hold_s),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{found!r} is not a place in a file") from error

    def _begin(self, about: Listed) -> None:
        self.inode, self.mtime, self.offset = about.inode, about.mtime, 0
        self.tail, self.skip, self.check = b"", False, False
        self._partial, self._still = b"", None
        self.more, self.away, self.gone = True, False, False

    def _lines(self, data: bytes) -> list[tuple[int, bytes]]:
        if not data:
            return []
        lines = []
        for line in data.split(b"\n")[: -1 if data.endswith(b"\n") else None]:
            if not self.skip:
                lines.append((self.offset, line))
            self.skip = False
            self.offset += len(line) + 1
        self.offset -= not data.endswith(b"\n")
        self.tail = (self.tail + data)[-_TAIL:]
        return lines


def logs_of(listed: Mapping[str, Listed], known: Mapping[str, RemoteLog]) -> list[str]:
    """The paths that are logs, not the older parts of others, or of those that are `known`."""
    names = {*listed, *known}
    return sorted(path for path in listed if plain_name(path) not in names - {path})


def _parts(path: str, listed: Iterable[str]) -> list[str]:
    return [one for one in listed if one != path and plain_name(one) == path]


def _by_age(paths: list[str], listed: Mapping[str, Listed]) -> list[str]:
    """The oldest first; of one second those with the higher number, as logrotate counts."""
    latest_last = sorted(paths, key=lambda path: (len(path), path), reverse=True)
    return sorted(latest_last, key=lambda path: listed[path].mtime)
