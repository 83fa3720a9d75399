"""One log over its life: the file of its name, and the older parts still to be read before it."""

from __future__ import annotations

import os
import stat
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from boxwatch.sources.followed_file import (
    MARK_BYTES,
    FollowedFile,
    Place,
    PlainContent,
    after_last_line,
    holds,
    known_by,
    mark,
)
from boxwatch.sources.joined_lines import JoinedLines, Record
from boxwatch.sources.rotated import (
    Part,
    find,
    open_part,
    packed_since,
    parts_of,
    signs,
    unread,
)

_MOST_DONE: Final = 16  # parts remembered as read


@dataclass(frozen=True, slots=True)
class TrailOptions:
    """How a log is begun and followed.

    `at_end` begins at the end of what is there, else at its start, and with the older parts that
    were written at `since` (nanoseconds) or later. `linger_s` is how long a renamed file may
    still grow, `hold_s` how long a record may wait for its continuation.
    """

    at_end: bool = False
    since: int | None = None
    linger_s: float = 10.0
    hold_s: float = 1.0


class Read(NamedTuple):
    """A record and the file it stood in."""

    inode: int
    record: Record


@dataclass(slots=True)
class _Older:
    """A part to be read before the file itself; it may still grow until `until`."""

    file: FollowedFile
    until: float


class FileTrail:
    """Reads one log through all its rotations, each line once.

    `place()` is all of the state. `refused` says why the file may not be read, if so; `losses` why
    lines cannot be read any more: whoever tells them empties it.
    """

    def __init__(self, path: str, place: Place | None, options: TrailOptions) -> None:
        self.path = path
        self.losses: list[str] = []
        self.refused = ""
        self._options = options
        self._place = place
        self._file: FollowedFile | None = None
        self._older: deque[_Older] = deque()
        self._joined = JoinedLines(options.hold_s)
        self._done: tuple[str, ...] = () if place is None else place.done
        self._seen: tuple[int, int, int] | None = None  # inode, size, mtime at the last look
        self._finished = False  # True if what `place` is in was read to its end

    def turn(self, now: float, room: int) -> list[Read]:
        """What came since the last turn, at most about `room` bytes."""
        reads: list[Read] = []
        try:
            self._look(now, reads)
            self.refused = ""
        except OSError as error:
            self.refused = str(error.strerror or error)
        while self._older and room > 0:
            part = self._older[0]
            room -= self._from_older(part, now, room, reads)
            if self._older and self._older[0] is part:
                break
        if not self._older and self._file is not None and room > 0:
            lines = self._file.take(room)
            inode = self._file.inode
            reads += [Read(inode, one) for one in self._joined.add(lines, now)]
            reads += [Read(inode, one) for one in self._joined.late(now)]
        self._settle()
        return reads

    def place(self) -> Place | None:
        """Where to read on: after the last record handed over; None before anything was there."""
        return self._place

    @property
    def gone(self) -> bool:
        """True if nothing of it is left to read and its name is free."""
        return self._file is None and not self._older and self._seen is None

    @property
    def open_files(self) -> int:
        """How many files it holds open."""
        return len(self._older) + (self._file is not None)

    def rest(self) -> None:
        """Close the file until it changes; no part may be left to read."""
        if self._file is not None and not self._older and self._joined.held_from is None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close all files."""
        for part in self._older:
            part.file.close()
        if self._file is not None:
            self._file.close()
        self._older.clear()
        self._file = None

    def _look(self, now: float, reads: list[Read]) -> None:
        """Notice that the file was renamed, replaced, emptied or is new."""
        try:
            about = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            about = None
        if about is not None and not stat.S_ISREG(about.st_mode):
            about = None
        seen = None if about is None else (about.st_ino, about.st_size, about.st_mtime_ns)
        file = self._file
        if file is None:
            if about is not None and seen != self._seen:
                self._begin(now)
        elif about is None or about.st_ino != file.inode:
            self._renamed(file, now, successor=about is not None)
        elif seen != self._seen and not (file.offset and holds(file.content, file.place())):
            self._emptied(file, now, reads)  # of what was not read yet nobody knows
        self._seen = seen

    def _begin(self, now: float) -> None:
        """Take up the log at its place, with what was rotated away since."""
        place, content = self._place, PlainContent(self.path)
        if place is None:
            self._first(content, now)
        elif place.inode == content.inode and holds(content, place) and not self._older:
            self._file = FollowedFile(content, content.inode, place.offset)
            if not place.offset:
                self._queue(self._unread(place), now)
        else:
            self._file = FollowedFile(content, content.inode)
            same = place.inode == content.inode  # it was emptied, or its number given again
            if not (self._older or self._finished):
                self._rest_of(place, now, emptied=same)
            self._queue(self._unread(place), now)
        self._finished = False

    def _first(self, content: PlainContent, now: float) -> None:
        since = self._options.since
        if self._options.at_end:
            self._file = FollowedFile(content, content.inode, after_last_line(content))
            newer = [part for part in parts_of(self.path) if part.mtime >= content.mtime()]
            self._done = signs(newer)[-_MOST_DONE:]
            return
        self._file = FollowedFile(content, content.inode)
        if since is not None:
            self._queue([part for part in parts_of(self.path) if part.mtime >= since], now)

    def _renamed(self, old: FollowedFile, now: float, *, successor: bool) -> None:
        """The name belongs to another file now, or to none: read on in the old one first."""
        self._file = None
        self._older.append(_Older(old, now + self._options.linger_s))
        place = old.place(done=self._done)
        if not place.offset:  # nothing was read of it yet: its first bytes tell what it is
            place = replace(place, offset=1, fingerprint=mark(old.content, 0, MARK_BYTES))
        if successor:
            content = PlainContent(self.path)
            self._file = FollowedFile(content, content.inode)
            self._queue(self._unread(place), now)

    def _emptied(self, file: FollowedFile, now: float, reads: list[Read]) -> None:
        """It was copied and emptied: what was not read yet stands in the copy."""
        place = file.place(self._joined.held_from, self._done)
        held = self._joined.flush()
        file.close()
        content = PlainContent(self.path)
        self._file = FollowedFile(content, content.inode)
        if not self._rest_of(place, now, emptied=True):
            reads += [Read(place.inode, record) for record in held]
        self._queue(self._unread(place), now)

    def _rest_of(self, place: Place, now: float, *, emptied: bool) -> bool:
        """Queue the file that `place` is in, under its new name or as a copy; False if gone."""
        old = find(self._parts(), place, by_name=not emptied)
        if old is not None:
            linger = 0.0 if emptied or old.packed else self._options.linger_s
            self._queue([old], now + linger, place)
        elif place.offset > 0 and not emptied:
            self.losses.append(f"{self.path} was rotated away before it was read to its end")
        return old is not None

    def _parts(self) -> list[Part]:
        """The older parts on disk that are not being read already."""
        files = [part.file for part in self._older] + ([self._file] if self._file else [])
        taken = {file.content.inode for file in files}
        return [part for part in parts_of(self.path) if part.inode not in taken]

    def _unread(self, place: Place) -> list[Part]:
        reading = [part.file for part in self._older]
        return [part for part in unread(self._parts(), place) if not packed_since(part, reading)]

    def _queue(self, parts: list[Part], until: float, place: Place | None = None) -> None:
        for part in parts:
            try:
                self._older.append(_Older(open_part(part, place), until))
            except OSError as error:
                self.losses.append(f"{part.path} cannot be read: {error}")

    def _from_older(self, part: _Older, now: float, room: int, reads: list[Read]) -> int:
        """Read on in an older part; let go of it once it is over. The bytes that were read.

        It is over when it did not grow while its successor did, or for the time it may linger.
        """
        file, before = part.file, part.file.offset
        try:
            lines = file.take(room)
            waits = len(self._older) > 1 or (self._file is not None and self._file.has_more())
            over = not lines and (now >= part.until or waits)
            lines = file.rest() if over else lines
        except OSError as error:
            self.losses.append(str(error))
            lines, over = [], True
        records = self._joined.add(lines, now)
        records += self._joined.flush() if over else self._joined.late(now)
        reads += [Read(file.inode, record) for record in records]
        if over:
            self._done = (*self._done, known_by(file.place()))[-_MOST_DONE:]
            file.close()
            self._older.popleft()
            self._place, self._finished = file.place(done=self._done), self._file is None
        return file.offset - before

    def _settle(self) -> None:
        reader = self._older[0].file if self._older else self._file
        if reader is not None:
            self._place = reader.place(self._joined.held_from, self._done)
