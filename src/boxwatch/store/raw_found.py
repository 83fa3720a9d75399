"""What raw artifacts there are, and how much of them the store has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xxhash

from boxwatch.clock import EPOCH
from boxwatch.store.event_store import EventStore
from boxwatch.store.raw_files import find_raw_files
from boxwatch.store.raw_recording import RawRecording

POSITION: Final = "ingest"
MARKS: Final = "ingest_marks"  # by artifact, a hash of the last bytes that were taken from it
_MARK_BYTES: Final = 256


class Found:
    """The artifacts below `root`, and what the store has of them.

    Attributes:
        readable: What can be read, by time.
        skipped: What is not read, with the reason.
        positions: All positions of the store.
        taken: How many bytes of each file the store has.
        marks: By file, a hash of the last of these bytes: that they still are the same.
        now: The latest time so far; for an empty store, the time in the first file's name.

    """

    def __init__(self, store: EventStore, root: Path) -> None:
        head = store.head()
        files, strange = find_raw_files(root)
        self._sizes = {file.name: file.path.stat().st_size for file in files}
        self.positions = dict(head.positions)
        offsets = _offsets(self.positions)
        self.taken = {name: end for name, end in offsets.items() if name in self._sizes}
        self.marks = _marks(self.positions)
        self._paths = {file.name: file.path for file in files}
        shrunk = {name for name, end in self.taken.items() if end > self._sizes[name]}
        for name in set(self.taken) - shrunk:
            if name in self.marks and self._mark(name, self.taken[name]) != self.marks[name]:
                del self.taken[name], self.marks[name]  # it was emptied and written anew
        self.readable = [file for file in files if file.name not in shrunk]
        self.skipped = [
            *(f"{name}: no plain file whose name says its kind and time" for name in strange),
            *(f"{name}: it is shorter than what was taken from it" for name in sorted(shrunk)),
        ]
        fresh = head.now == EPOCH and bool(self.readable)
        self.now = self.readable[0].stamp if fresh else head.now

    @property
    def total(self) -> int:
        """Bytes of all that is read."""
        return sum(self._sizes[file.name] for file in self.readable)

    def done(self, taken: Mapping[str, int]) -> int:
        """Bytes of it that are `taken`."""
        return sum(taken.get(file.name, 0) for file in self.readable)

    def waiting(self, taken: Mapping[str, int]) -> tuple[str, ...]:
        """The files that end in half a line."""
        names = (file.name for file in self.readable)
        return tuple(name for name in names if taken.get(name, 0) < self._sizes[name])

    def mark(self, moved: Mapping[str, int]) -> None:
        """Remember what tells that the `moved` files are the same up to where they are taken."""
        self.marks |= {name: self._mark(name, end) for name, end in moved.items()}

    def _mark(self, name: str, offset: int) -> str:
        start = max(0, offset - _MARK_BYTES)
        with self._paths[name].open("rb") as file:
            file.seek(start)
            return xxhash.xxh3_64_hexdigest(file.read(offset - start))


def _offsets(positions: Mapping[str, Any]) -> dict[str, int]:
    """How far each artifact was taken; what was recorded is stored as far as its batches go."""
    taken: dict[str, int] = {}
    for key in (POSITION, RawRecording.KEY):
        for name, offset in positions.get(key, {}).items():
            taken[name] = max(int(offset), taken.get(name, 0))
    return taken


def _marks(positions: Mapping[str, Any]) -> dict[str, str]:
    saved: dict[str, Any] = dict(positions.get(MARKS, {}))
    return {name: str(mark) for name, mark in saved.items()}
