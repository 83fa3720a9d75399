"""Older parts of a log: what logrotate(8) and its like renamed, copied or packed beside it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from boxwatch.sources.followed_file import (
    MARK_BYTES,
    Content,
    FollowedFile,
    Place,
    PlainContent,
    holds,
    known_by,
    mark,
)
from boxwatch.sources.unpacking import DAMAGED, UNPACK

# Behind the name of a log: .1 -20260131 .2.gz -20260131-1769817600.xz .old
_SUFFIX: Final = r"(?:[.-]\d[\d.T_-]*)?(?:\.old)?(?:\.(?:gz|xz|bz2|zst|lzma|Z))?"
_ROTATED: Final = re.compile(_SUFFIX + "$")
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One older part: where it lies, which file it is, and when it was last written."""

    path: str
    inode: int
    size: int
    mtime: int

    @property
    def packed(self) -> bool:
        """True if it is compressed."""
        return os.path.splitext(self.path)[1] in UNPACK


class PackedContent:
    """The text of a compressed file; going back in it costs reading it again."""

    def __init__(self, part: Part) -> None:
        """Open `part`.

        Raises:
            OSError: it cannot be opened.

        """
        self.inode = part.inode
        self._part = part
        self._file = UNPACK[os.path.splitext(part.path)[1]](part.path)
        self._at = 0

    def read_at(self, offset: int, most: int) -> bytes:
        """At most `most` bytes from `offset` on.

        Raises:
            OSError: it is damaged or ends too early.

        """
        try:
            if offset != self._at:
                self._file.seek(offset)
            data = self._file.read(most)
        except DAMAGED as error:
            raise OSError(f"{self._part.path} is damaged: {error}") from error
        self._at = offset + len(data)
        return data

    def mtime(self) -> int:
        """When the text was last written; packing keeps that."""
        return self._part.mtime

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def plain_name(path: str) -> str:
    """`path` without what rotation put behind it."""
    return _ROTATED.sub("", path)


def parts_of(path: str) -> list[Part]:
    """The older parts of the log `path`, the oldest first."""
    base = os.path.basename(path)
    pattern = re.compile(re.escape(base) + _SUFFIX)
    found = []
    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:
            for entry in entries:
                if entry.name != base and pattern.fullmatch(entry.name):
                    about = entry.stat()
                    if stat.S_ISREG(about.st_mode):
                        found.append(
                            Part(entry.path, about.st_ino, about.st_size, about.st_mtime_ns)
                        )
    except OSError:
        return []  # a part that went away while it was looked at: the next look finds the rest
    return sorted(
        found,
        key=lambda part: (part.mtime // _SECOND, _turn(part.path[len(path) :]), part.mtime),
    )


def _turn(suffix: str) -> int:
    """What sorts parts of one second: counts grow with age, dates with youth."""
    match = re.match(r"[.-](\d+)", suffix)
    number = int(match[1]) if match is not None else 0
    return number if number >= 1_000_000 else -number


def open_part(part: Part, place: Place | None = None) -> FollowedFile:
    """`part` from its start, or from `place`, as what its lines were known by then.

    Raises:
        OSError: it cannot be opened.

    """
    content: Content = PackedContent(part) if part.packed else PlainContent(part.path)
    try:
        if place is None:
            return FollowedFile(content, part.inode)
        return FollowedFile(content, place.inode, place.offset)
    except OSError:
        content.close()
        raise


def find(parts: Iterable[Part], place: Place, *, by_name: bool = True) -> Part | None:
    """The part that `place` was taken in, or a copy of it; None if it is gone.

    `by_name` is whether the inode may tell: not where the file itself was emptied.
    """
    candidates = list(parts)
    if by_name:
        candidates.sort(key=lambda part: part.inode != place.inode)
    for part in candidates:
        same = by_name and part.inode == place.inode
        if (same or place.offset > 0) and _opens_as(part, place):
            return part
    return None


def unread(parts: Iterable[Part], place: Place) -> list[Part]:
    """The parts that were written after `place` was taken and were never read, oldest first.

    Not among them is what `place` was taken in, also where it was packed since.
    """
    fresh = []
    for part in parts:
        # Packing may cut the time to whole seconds.
        whole = part.packed and part.mtime % _SECOND == 0
        newest = place.mtime // _SECOND * _SECOND if whole else place.mtime
        # Once the file is gone its inode may be another's; with nothing read it is all there is.
        own = _opens_as(part, place) if place.offset else part.inode == place.inode
        if part.mtime >= newest and not own and not _done(part, place.done):
            fresh.append(part)
    return fresh


def packed_since(part: Part, files: Iterable[FollowedFile]) -> bool:
    """True if `part` is one of the plain `files`, compressed since they were opened."""
    plain = [file.content for file in files if isinstance(file.content, PlainContent)]
    heads = {mark(content, 0, MARK_BYTES) for content in plain} if part.packed else set()
    return any(_opens_as(part, Place(0, 0, head, "0:")) for head in heads)


def signs(parts: Sequence[Part]) -> tuple[str, ...]:
    """What `parts` are known by when they count as read."""
    found = []
    for part in parts:
        try:
            file = open_part(part)
        except OSError:
            continue
        try:
            found.append(
                known_by(Place(part.inode, 0, mark(file.content, 0, MARK_BYTES), "", part.mtime))
            )
        except OSError:
            continue
        finally:
            file.close()
    return tuple(found)


def _done(part: Part, done: Sequence[str]) -> bool:
    """True if `part` is one of those that were read: by its first bytes and its time."""
    second = str(part.mtime // _SECOND)
    candidates = [sign for sign in done if sign.rpartition("@")[2] == second]
    return any(_opens_as(part, Place(0, 0, sign.rpartition("@")[0], "0:")) for sign in candidates)


def _opens_as(part: Part, place: Place) -> bool:
    try:
        return _packed_holds(part, place) if part.packed else _holds(part, place)
    except OSError:
        return False


@lru_cache(maxsize=256)  # a packed part never changes, and looking into it may unpack all of it
def _packed_holds(part: Part, place: Place) -> bool:
    return _holds(part, place)


def _holds(part: Part, place: Place) -> bool:
    file = open_part(part)
    try:
        return holds(file.content, place)
    finally:
        file.close()
