"""What was received and is not stored yet, on disk: acknowledged means that a crash loses nothing.

Lines go into numbered files, each written through to the disk before its sender hears that it
arrived. A file is removed once a position beyond it has been stored.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"otlp-(\d{12})\.jsonl")
_FILE_BYTES: Final = 16 << 20
_CHUNK_BYTES: Final = 4 << 20
ROOM: Final = 64 << 20  # bytes on disk; beyond, senders have to wait


class Spool:
    """Lines on their way, in the order they came; may be filled by one thread, emptied by another.

    Position: `{"file", "offset"}`, after the last line that was taken. What lies before the
    position that a spool is opened with is stored and is dropped.

    Raises:
        OSError: the folder cannot be made or read.

    """

    def __init__(self, folder: Path, position: Mapping[str, object], room: int = ROOM) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._room = room
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, int, bytes]] = deque()  # file, offset after, lines
        self._taken = _number(position, "file"), _number(position, "offset")
        self._stored = self._taken
        self._bytes = 0  # of what was not taken yet
        last = self._restore()
        self._number = max(last, self._taken[0]) + 1
        self._file: int | None = None
        self._offset = 0

    @property
    def full(self) -> bool:
        """True if nothing more can be taken in for now."""
        return self._bytes >= self._room

    def add(self, lines: bytes) -> None:
        """Keep whole lines: when this returns they lie on the disk.

        Raises:
            OSError: they could not be written; none of them counts.

        """
        file = self._open()
        try:
            written = 0
            while written < len(lines):
                written += os.write(file, lines[written:])
            os.fdatasync(file)
        except OSError:
            self._give_up(file)
            raise
        self._offset += len(lines)
        with self._lock:
            self._waiting.append((self._number, self._offset, lines))
            self._bytes += len(lines)

    def take(self) -> bytes:
        """The next lines, in one piece of some megabytes; what was taken before is stored."""
        self._forget()
        pieces: list[bytes] = []
        size = 0
        with self._lock:
            while self._waiting and size < _CHUNK_BYTES:
                number, offset, lines = self._waiting.popleft()
                pieces.append(lines)
                size += len(lines)
                self._taken = number, offset
            self._bytes -= size
        return b"".join(pieces)

    def position(self) -> dict[str, object]:
        """After the last line that was taken."""
        return {"file": self._taken[0], "offset": self._taken[1]} if self._taken[0] else {}

    def close(self) -> None:
        """Close the file; what was not taken comes at the next start."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _restore(self) -> int:
        """Take up what a former run left; the highest number seen."""
        last = 0
        for path in sorted(self._folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            number = last = int(match[1])
            data = path.read_bytes()
            start = self._taken[1] if number == self._taken[0] else 0
            rest = data[start : data.rfind(b"\n") + 1]  # half a line was never acknowledged
            if number < self._taken[0] or not rest:
                path.unlink()
                continue
            self._waiting.append((number, start + len(rest), rest))
            self._bytes += len(rest)
        return last

    def _open(self) -> int:
        """The file that is being written, a new one where that is full."""
        if self._file is not None and self._offset < _FILE_BYTES:
            return self._file
        if self._file is not None:
            self.close()
            self._number += 1
        path = self._folder / f"otlp-{self._number:012d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file, self._offset = os.open(path, flags, 0o600), 0
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._file

    def _give_up(self, file: int) -> None:
        """After a failed write: cut off what it left, and go on in another file."""
        self._file = None
        self._number += 1
        try:
            os.ftruncate(file, self._offset)
        finally:
            os.close(file)

    def _forget(self) -> None:
        """Remove the files that lie wholly before what was taken: it is stored by now."""
        stored, self._stored = self._stored, self._taken
        for number in range(stored[0], self._taken[0]):
            path = self._folder / f"otlp-{number:012d}.jsonl"
            path.unlink(missing_ok=True)


def _number(position: Mapping[str, object], key: str) -> int:
    value = position.get(key, 0)
    return value if isinstance(value, int) and value >= 0 else 0
