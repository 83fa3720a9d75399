"""Plain log files that are appended to and rotate, by renaming or by copying and emptying."""

from __future__ import annotations

import glob
import os
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.file_trail import FileTrail, Read, TrailOptions
from boxwatch.sources.followed_file import Place
from boxwatch.sources.notices import Gap, gap_notice
from boxwatch.sources.outbox import Health, Parcel, chunks, stamp
from boxwatch.sources.patience import Bystander
from boxwatch.sources.rotated import find, parts_of, plain_name
from boxwatch.sources.source import Position

_FILE_BYTES: Final = 4 << 20  # of one file, at one read
_TURN_BYTES: Final = 32 << 20  # of all files, at one read


@dataclass(frozen=True, slots=True)
class FilesOptions:
    """Which files are read: those that match `patterns` (as in `glob`, `**` too).

    `from_start` reads files that are there already from their beginning, with the older parts
    written at `since` or later (None: all), else from their end. `survey_s` is how often new ones
    are looked for; `linger_s` how long a file that was renamed may still grow, and a last line
    without a newline may wait for it; `hold_s` how long the first lines of a traceback may wait
    for the others; `answer_s` how long the folders may take (on a dead network share they never
    answer). At most about `most_open` files stay open; others are opened again when they change.
    """

    patterns: Sequence[str]
    from_start: bool = False
    since: datetime | None = None
    survey_s: float = 2.0
    linger_s: float = 10.0
    hold_s: float = 1.0
    answer_s: float = 5.0
    most_open: int = 128


class FilesSource:
    """Log files of this machine; implements `Source`.

    Raw kind `file`, one row a record: a line, or the lines of a traceback. Position:
    `{path: place}`, see `followed_file.Place`. Rotation loses and doubles nothing, by renaming or
    by copying and emptying, here or while nobody read, also where the older part was compressed
    since (.gz .xz .bz2, with the system's commands .zst and .Z); what was deleted unread, or
    cannot be unpacked here, is a gap, and said.
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
        self._places = _read_position(position)  # the thread's own, as the trails are
        self._handed = dict(self._places)
        self._turns: deque[tuple[list[Parcel], dict[str, Place]]] = deque()
        self._trails: dict[str, FileTrail] = {}
        self._refused: dict[str, str] = {}
        self._first = not self._places
        self._surveyed = 0.0
        self._health = Health(self.name, host, self._clock)
        self._aside: Bystander[None] = Bystander("boxwatch-files")

    async def read(self) -> list[RawChunk]:
        """Records since the last call."""
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
        for trail in self._trails.values():
            trail.close()
        self._trails.clear()
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
        parcels: list[Parcel] = []
        now = monotonic()
        if now - self._surveyed >= self._options.survey_s or self._first:
            self._survey()
            self._surveyed = now
        room, open_files = _TURN_BYTES, 0
        for path, trail in list(self._trails.items()):
            reads = trail.turn(now, min(room, _FILE_BYTES)) if room > 0 else []
            if reads:
                parcels.append(self._parcel(path, reads))
                room -= len(parcels[-1].lines)
                self._trails[path] = self._trails.pop(path)  # next time the others first
            parcels += self._losses(path, trail)
            self._keep(path, trail)
            open_files += trail.open_files
            if open_files > self._options.most_open:
                open_files -= trail.open_files
                trail.rest()
                open_files += trail.open_files
        told = self._tell_refused()
        self._turns.append(([*parcels, *([] if told is None else [told])], dict(self._places)))

    def _keep(self, path: str, trail: FileTrail) -> None:
        """Remember where `trail` is; forget it once nothing of it is left anywhere."""
        place = trail.place()
        if trail.gone and (place is None or find(parts_of(path), place) is None):
            del self._trails[path]
            self._places.pop(path, None)
        elif place is not None:
            self._places[path] = place

    def _losses(self, path: str, trail: FileTrail) -> list[Parcel]:
        losses, trail.losses = trail.losses, []
        known = self._places.get(path)
        now = self._clock.now()
        since = now if known is None else datetime.fromtimestamp(known.mtime / 1e9, UTC)
        return [
            gap_notice(self._host, "file", Gap(since, max(now, since), None, loss))
            for loss in losses
        ]

    def _matching(self) -> list[str]:
        patterns = self._options.patterns
        found = {path for each in patterns for path in glob.iglob(each, recursive=True)}
        return sorted(
            path for path in found if _is_file(path) and plain_name(path) not in found - {path}
        )

    def _survey(self) -> None:
        """Take up what is new."""
        options = self._options
        since = 0 if options.since is None else int(options.since.timestamp() * 1e9)
        begin = TrailOptions(
            at_end=self._first and not options.from_start,
            since=since if self._first else None,
            linger_s=options.linger_s,
            hold_s=options.hold_s,
        )
        gone = [path for path in self._places if not os.path.lexists(path)]
        for path in [*self._matching(), *gone]:
            if path not in self._trails:
                self._trails[path] = FileTrail(path, self._places.get(path), begin)
        self._first = False

    def _tell_refused(self) -> Parcel | None:
        """Says which files may not be read, when that changes."""
        refused = {path: trail.refused for path, trail in self._trails.items() if trail.refused}
        news, self._refused = refused.keys() - self._refused.keys(), refused
        if news:
            path = min(news)
            reason = f"{path} cannot be read: {refused[path]}."
            self._health.state = "denied"
            return self._health.note("denied", reason, _group_hint(path))
        return self._health.tell("denied" if refused else "ok")

    def _parcel(self, path: str, reads: Sequence[Read]) -> Parcel:
        same = {"host": self._host, "path": path}
        read_at = stamp(self._clock.now())
        rows = [
            orjson.dumps(
                {
                    **same,
                    "inode": inode,
                    "offset": record.offset,
                    "read_at": read_at,
                    "message": record.text.decode("utf-8", "backslashreplace"),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for inode, record in reads
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


def _group_hint(path: str) -> str:
    return f"`ls -l {path}` shows the group to join, mostly adm: `sudo usermod -aG adm $USER`."
