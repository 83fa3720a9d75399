"""Plain log files that are appended to and rotate, by renaming or by copying and emptying."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.followed_file import FollowedFile, Place
from boxwatch.sources.outbox import Health, Parcel, chunks, stamp
from boxwatch.sources.patience import Bystander
from boxwatch.sources.source import Position

_TURN_BYTES: Final = 4 << 20  # of one file, at one read
# What logrotate(8) puts behind the name of a file, such as .1 -20260131 .2.gz; where the file
# itself is read, its older parts are followed by inode and not read as files of their own.
_ROTATED: Final = re.compile(r"(?:[.-]\d[\d.T_-]*)?(?:\.(?:gz|xz|zst|bz2|old))?$")


@dataclass(frozen=True, slots=True)
class FilesOptions:
    """Which files are read: those that match `patterns` (as in `glob`, `**` too).

    `from_start` reads files that are there already from their beginning, else from their end;
    `survey_s` is how often new ones are looked for; `linger_s` how long a file that was renamed
    may still grow, and a last line without a newline may wait for it;
    `answer_s` how long the folders may take (on a dead network share they never answer).
    """

    patterns: Sequence[str]
    from_start: bool = False
    survey_s: float = 2.0
    linger_s: float = 10.0
    answer_s: float = 5.0


@dataclass(slots=True)
class _Renamed:
    """A file that another one took the name of; read on until it stops growing."""

    path: str
    file: FollowedFile
    until: float


class FilesSource:
    """Log files of this machine; implements `Source`.

    Raw kind `file`, one row a line. Position: `{path: {"inode", "offset", "fingerprint"}}`. Lines
    written between the last read and a copy-and-empty rotation are lost with it; a file that was
    renamed while nobody read is found again by its inode in its folder, if it was not compressed.
    """

    name = "files"

    def __init__(
        self,
        host: str,
        options: FilesOptions,
        position: Position | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._options = options
        self._clock = SystemClock() if clock is None else clock
        self._places = _read_position(position)  # the thread's own
        self._handed = dict(self._places)
        self._turns: deque[tuple[list[Parcel], dict[str, Place]]] = deque()
        self._open: dict[str, FollowedFile] = {}
        self._renamed: list[_Renamed] = []
        self._refused: dict[str, str] = {}
        self._first = not self._places
        self._surveyed = 0.0
        self._health = Health(self.name, host, self._clock)
        self._aside: Bystander[None] = Bystander("boxwatch-files")

    async def read(self) -> list[RawChunk]:
        """Lines since the last call."""
        parcels: list[Parcel] = []
        try:
            await self._aside.call(self._turn, self._options.answer_s)
        except SourceError as error:
            hint = "A folder of the patterns does not answer; is it on a network share?"
            told = self._health.tell(error.state, error.message, hint)
            parcels += [told] if told is not None else []
        while self._turns:  # also one that was waited for in vain and came back since
            came, self._handed = self._turns.popleft()
            parcels += came
        return chunks(parcels, self._host, ", ".join(self._options.patterns))

    def position(self) -> Position:
        """The place in every file, after the last line handed over."""
        return {path: place.as_json() for path, place in self._handed.items()}

    async def close(self) -> None:
        """Close the files."""
        for file in [*self._open.values(), *(renamed.file for renamed in self._renamed)]:
            file.close()
        self._open.clear()
        self._renamed.clear()
        self._aside.close()

    async def probe(self) -> Capability:
        """How many files match and can be read."""
        paths = self._matching()
        if not paths:
            reason = f"No file matches {', '.join(self._options.patterns)}."
            return Capability("files", "absent", reason, "They are read once they appear.")
        refused = [path for path in paths if not os.access(path, os.R_OK)]
        if refused:
            reason = f"{len(refused)} of {len(paths)} files may not be read, such as {refused[0]}."
            return Capability("files", "denied", reason, _group_hint(refused[0]))
        return Capability("files", "ok", f"{len(paths)} files.")

    def _turn(self) -> None:
        """Read once through all files, on the thread that may be left behind."""
        parcels: list[Parcel | None] = []
        self._follow_renames()
        now = monotonic()
        if now - self._surveyed >= self._options.survey_s or self._first:
            parcels.append(self._survey())
            self._surveyed = now
        parcels.extend([self._finish(renamed, now) for renamed in list(self._renamed)])
        for path, file in self._open.items():
            if any(renamed.path == path for renamed in self._renamed):
                continue  # the older lines first
            parcels.append(self._parcel(path, file, file.take(_TURN_BYTES)))
            self._places[path] = file.place()
        taken = [parcel for parcel in parcels if parcel is not None]
        self._turns.append((taken, dict(self._places)))

    def _matching(self) -> list[str]:
        patterns = self._options.patterns
        found = {path for each in patterns for path in glob.iglob(each, recursive=True)}
        return sorted(
            path
            for path in found
            if _is_file(path) and _ROTATED.sub("", path) not in found - {path}
        )

    def _survey(self) -> Parcel | None:
        """Open what is new; says which files may not be read."""
        refused: dict[str, str] = {}
        for path in self._matching():
            if path in self._open:
                continue
            try:
                self._begin(path)
            except OSError as error:
                refused[path] = str(error.strerror)
        self._first = False
        for path in self._places.keys() - self._open.keys():
            if not os.path.exists(path) and _renamed_to(path, self._places[path].inode) is None:
                del self._places[path]  # gone for good: its place is worth nothing
        news, self._refused = refused.keys() - self._refused.keys(), refused
        if news:
            path = min(news)
            reason = f"{path} cannot be read: {refused[path]}."
            return self._health.note("denied", reason, _group_hint(path))
        return self._health.tell("denied" if refused else "ok")

    def _begin(self, path: str) -> None:
        place = self._places.get(path)
        if place is None:
            at_end = self._first and not self._options.from_start
            self._open[path] = FollowedFile(path, at_end=at_end)
        elif place.inode == os.stat(path).st_ino:
            self._open[path] = FollowedFile(path, place)
        else:
            old = _renamed_to(path, place.inode)
            if old is not None:
                until = monotonic() + self._options.linger_s
                self._renamed.append(_Renamed(path, FollowedFile(old, place), until))
            self._open[path] = FollowedFile(path)

    def _follow_renames(self) -> None:
        """Notice names that now belong to another file, or to none."""
        for path, file in list(self._open.items()):
            try:
                inode = os.stat(path).st_ino
            except FileNotFoundError:
                inode = -1
            if inode == file.inode:
                continue
            del self._open[path]
            self._renamed.append(_Renamed(path, file, monotonic() + self._options.linger_s))
            if inode != -1:
                self._open[path] = FollowedFile(path)

    def _finish(self, renamed: _Renamed, now: float) -> Parcel | None:
        """Read on in a renamed file; let go of it once it is over.

        It is over when it did not grow while its successor did, or for the time it may linger.
        """
        lines = renamed.file.take(_TURN_BYTES)
        successor = self._open.get(renamed.path)
        over = not lines and (
            now >= renamed.until or (successor is not None and successor.has_more())
        )
        if over:
            lines = renamed.file.rest()
        self._places[renamed.path] = renamed.file.place()
        parcel = self._parcel(renamed.path, renamed.file, lines)
        if over:
            self._renamed.remove(renamed)
            renamed.file.close()
        return parcel

    def _parcel(
        self, path: str, file: FollowedFile, lines: Sequence[tuple[int, bytes]]
    ) -> Parcel | None:
        if not lines:
            return None
        same = {"host": self._host, "path": path, "inode": file.inode}
        read_at = stamp(self._clock.now())
        rows = [
            orjson.dumps(
                {
                    **same,
                    "offset": offset,
                    "read_at": read_at,
                    "message": line.decode("utf-8", "backslashreplace"),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for offset, line in lines
        ]
        return Parcel("file", b"".join(rows))


def _read_position(position: Position | None) -> dict[str, Place]:
    places = {}
    for path, found in (position or {}).items():
        place = Place.from_json(found)
        if place is None:
            raise SourceError(
                f"{found!r} is not a place in the file {path!r}.",
                hint="It needs inode, offset and fingerprint.",
            )
        places[path] = place
    return places


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _renamed_to(path: str, inode: int) -> str | None:
    """The file with `inode` in the folder of `path`, under whatever name; None if it is gone."""
    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:
            return next((entry.path for entry in entries if entry.inode() == inode), None)
    except OSError:
        return None


def _group_hint(path: str) -> str:
    return f"`ls -l {path}` shows the group to join, mostly adm: `sudo usermod -aG adm $USER`."
