"""The raw artifacts under `ingested/`: which there are, and cutting them into whole lines."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from boxwatch.events.schema import RAW_KINDS

_NAME: Final = re.compile(r"([a-z_]+)_(\d{8}_\d{6})\.jsonl")
_KIND_OF: Final = {prefix: kind for kind, (_, prefix) in RAW_KINDS.items()}
_ORDER: Final = {kind: number for number, kind in enumerate(RAW_KINDS)}
_PIECE: Final = 65536


@dataclass(frozen=True, slots=True)
class RawFile:
    """One artifact: `name` is its path below the folder, `stamp` the time in its name."""

    kind: str
    stamp: datetime
    name: str
    path: Path


def find_raw_files(root: Path) -> tuple[list[RawFile], list[str]]:
    """The artifacts below `root` by stamp, then kind; and what is none: by name, or no plain file.

    Links are not followed: what they point to is not what was collected here.
    """
    files, strange = [], []
    for path in sorted(root.glob("*/*.jsonl")):
        name = path.relative_to(root).as_posix()
        match = _NAME.fullmatch(path.name)
        kind = None if match is None else _KIND_OF.get(match[1])
        stamp = None if match is None else _stamp(match[2])
        plain = path.is_file() and not path.is_symlink()
        if kind is None or stamp is None or not plain:
            strange.append(name)
        else:
            files.append(RawFile(kind, stamp, name, path))
    return sorted(files, key=lambda file: (file.stamp, _ORDER[file.kind], file.name)), strange


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


class LineFile:
    """A file of lines, read at any offset; `size` is what it had when it was opened."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`."""
        pieces = []
        while start < end:
            piece = os.pread(self._file.fileno(), end - start, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def next_line(self, offset: int) -> int:
        """Where the first line begins that begins at `offset` or later; `size` if none does."""
        if offset <= 0:
            return 0
        place = offset - 1
        while place < self.size:
            piece = self.read(place, min(place + _PIECE, self.size))
            found = piece.find(b"\n")
            if found >= 0:
                return place + found + 1
            place += _PIECE
        return self.size

    def line_end(self, start: int) -> int:
        """Where the line that begins at `start` ends, its newline included."""
        return self.next_line(start + 1)

    def last_line(self, low: int, high: int) -> int:
        """Where the last line before `high` begins, not before `low`."""
        return self._after_newline(low, high - 1)

    def whole_lines(self, low: int) -> int:
        """Where the last line that ends in a newline ends, not before `low`."""
        return self._after_newline(low, self.size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _after_newline(self, low: int, high: int) -> int:
        """The place after the last newline in `low` to `high`; `low` if there is none."""
        while high > low:
            start = max(low, high - _PIECE)
            found = self.read(start, high).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            high = start
        return low
