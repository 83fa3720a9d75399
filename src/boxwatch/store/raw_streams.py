"""One raw kind's artifacts as a stream with a position, and cutting streams at the same instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from boxwatch.events.schema import Events, RawChunk
from boxwatch.store.raw_files import LineFile, RawFile

Normalise = Callable[[RawChunk], Events]
Earliest = Callable[[RawChunk], datetime | None]

_PROBED_LINES: Final = 16  # lines looked at for a time before giving up
_LEAST_SHARE: Final = 4096


# Python takes blocks of more than 32 MiB from the system each time anew (mallopt(3),
# M_MMAP_THRESHOLD): a million lines took 1.5 s of kernel time in chunks of 32 MiB, 0.3 s in these.
CHUNK_BYTES: Final = 28 * 2**20


@dataclass(frozen=True, slots=True)
class Reading:
    """How artifacts are read: into events, and in between for the times of single lines.

    `earliest` is called with single lines, to learn their time (origin `probe`); without it
    `normalise` is, at a higher cost. Both must be pure functions. `host` is for records that do
    not name theirs. `closed` promises that nobody writes the artifacts any more, so that a last
    line without a newline is taken too. A batch is of about `chunk_bytes` at most.
    """

    normalise: Normalise
    earliest: Earliest | None = None
    host: str = "localhost"
    closed: bool = False
    chunk_bytes: int = CHUNK_BYTES

    def first_time(self, chunk: RawChunk) -> datetime | None:
        """The earliest time in `chunk`; None where there is none."""
        if self.earliest is not None:
            return self.earliest(chunk)
        return _extreme(self.normalise(chunk), pl.col("time").min(), min)


class RawStream:
    """The artifacts of one kind, one after the other; all state is in `offsets`.

    A file is read to its end if a later one of its kind exists or nobody writes any more;
    otherwise its last line waits for its newline.
    """

    def __init__(self, files: Sequence[RawFile], offsets: dict[str, int], reading: Reading) -> None:
        self.kind = files[0].kind
        self._offsets = offsets
        self._reading = reading
        self._left = list(files)
        self._open: tuple[RawFile, LineFile] | None = None
        self.end = 0
        self.start = 0
        self._advance()

    @property
    def remaining(self) -> int:
        """Bytes of the current file that can be taken; 0 at the end of the stream."""
        return self.end - self.start

    def cut(self, share: int) -> int:
        """Where to stop after about `share` bytes: the end of a line, one line at least."""
        _, lines = self._current()
        if self.remaining <= share:
            return self.end
        return min(lines.next_line(self.start + max(share, _LEAST_SHARE)), self.end)

    def time_after(self, cut: int) -> datetime | None:
        """The earliest time to expect after `cut`; None where nothing follows or it is unknown."""
        _, lines = self._current()
        if cut < self.end:
            return self._time(lines, cut)
        if len(self._left) < 2:
            return None
        following = LineFile(self._left[1].path)
        try:
            return self._time(following, self._offsets.get(self._left[1].name, 0))
        finally:
            following.close()

    def before(self, instant: datetime, cut: int) -> int:
        """Where the first line at or after `instant` begins, at most `cut`; lines are in order."""
        _, lines = self._current()
        low, high = self.start, cut
        last = lines.last_line(low, high)
        if self._is_before(lines, last, instant):
            return cut
        high = last
        while low < high:
            middle = lines.next_line((low + high) // 2)
            if middle >= high:  # one long line fills the upper half
                middle = low
            if self._is_before(lines, middle, instant):
                low = lines.line_end(middle)
            else:
                high = middle
        return low

    def take(self, cut: int) -> Events:
        """The records up to `cut`, normalised; the position is then there."""
        file, lines = self._current()
        raw = lines.read(self.start, cut)
        if not raw.endswith(b"\n"):
            raw += b"\n"
        origin = f"{file.name}@{self.start}"
        events = self._reading.normalise(RawChunk(self.kind, raw, self._reading.host, origin))
        self._offsets[file.name] = self.start = cut
        if cut == self.end:
            self._advance()
        return events

    def close(self) -> None:
        """Close the current file."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _current(self) -> tuple[RawFile, LineFile]:
        if self._open is None:
            raise LookupError(f"The stream of {self.kind!r} is at its end.")
        return self._open

    def _advance(self) -> None:
        """Go to the next file that has something to take."""
        if self._open is not None:
            self.close()
            del self._left[0]
        while self._left:
            lines = LineFile(self._left[0].path)
            start = self._offsets.get(self._left[0].name, 0)
            finished = self._reading.closed or len(self._left) > 1
            end = lines.size if finished else lines.whole_lines(min(start, lines.size))
            if end > start:
                self._open, self.start, self.end = (self._left[0], lines), start, end
                return
            lines.close()
            del self._left[0]
        self.start = self.end = 0

    def _is_before(self, lines: LineFile, start: int, instant: datetime) -> bool:
        found = self._time(lines, start)
        return found is None or found < instant

    def _time(self, lines: LineFile, start: int) -> datetime | None:
        """The time of the line at `start`, or of the first after it that has one."""
        for _ in range(_PROBED_LINES):
            end = lines.line_end(start)
            if end <= start:
                return None
            line = lines.read(start, end)
            if line.endswith(b"\n"):
                probe = RawChunk(self.kind, line, self._reading.host, "probe")
                found = self._reading.first_time(probe)
                if found is not None:
                    return found
            start = end
        return None


def last_time(events: Events) -> datetime | None:
    """The latest time in `events`; None where there is none."""
    return _extreme(events, pl.col("time").max(), max)


def _extreme(
    events: Events, expression: pl.Expr, pick: Callable[[list[datetime]], datetime]
) -> datetime | None:
    tables = (events.logs, events.samples)
    found: list[datetime | None] = [table.select(expression).item() for table in tables]
    times = [time for time in found if time is not None]
    return pick(times) if times else None
