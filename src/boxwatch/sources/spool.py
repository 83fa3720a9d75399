"""What was received and is not stored yet, on disk: acknowledged means that a crash loses nothing.

Lines go into numbered files, each request written through to the disk before its sender hears that
it arrived, and ended by a line with its sign and time: what no such line follows was never
acknowledged. A file is removed once a position beyond it has been stored; the signs of the last
minutes are kept in a file of their own, so that a request that is sent again is known.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"otlp-(\d{12})\.jsonl")
_END: Final = re.compile(rb"^#([0-9a-f]*) (\d{1,12})\n", re.MULTILINE)
_SIGNS: Final = "otlp-signs.txt"
_SIGN_S: Final = 600.0  # a sender that heard nothing gives up after five minutes, as collectors do
_MOST_SIGNS: Final = 32_768
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
        self._signs: dict[str, float] = {}  # when each request came, the latest last
        last = self._restore()
        self._number = max(last, self._taken[0]) + 1
        self._file: int | None = None
        self._offset = 0

    @property
    def full(self) -> bool:
        """True if nothing more can be taken in for now."""
        return self._bytes >= self._room

    def knows(self, sign: str, now: float) -> bool:
        """True if a request with this sign was added within the last ten minutes."""
        came = self._signs.get(sign)
        return came is not None and now - came < _SIGN_S

    def add(self, lines: bytes, sign: str = "", now: float = 0.0) -> None:
        """Keep the whole lines of a request: when this returns they lie on the disk.

        `sign` is what it is known by if it comes again (hexadecimal, or empty), `now` seconds
        since the epoch.

        Raises:
            OSError: they could not be written; none of them counts.

        """
        file = self._open()
        data = b"%s#%s %d\n" % (lines, sign.encode(), max(0, int(now)))
        try:
            written = 0
            while written < len(data):
                written += os.write(file, data[written:])
            os.fdatasync(file)
        except OSError:
            self._give_up(file)
            raise
        self._offset += len(data)
        with self._lock:
            self._waiting.append((self._number, self._offset, lines))
            self._bytes += len(lines)
            self._remember(sign, now)

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
        done: list[Path] = []
        self._remember_all(self._folder / _SIGNS)
        for path in sorted(self._folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            number = last = int(match[1])
            end = self._remember_all(path)
            start = self._taken[1] if number == self._taken[0] else 0
            if number < self._taken[0] or end <= start:
                done.append(path)
                continue
            rest = _END.sub(b"", path.read_bytes()[start:end])
            self._waiting.append((number, end, rest))
            self._bytes += len(rest)
        self._remove(done)
        return last

    def _remember_all(self, path: Path) -> int:
        """Take in the signs in a file; the bytes up to the end of the last one."""
        end = 0
        for match in _END.finditer(path.read_bytes()) if path.exists() else ():
            self._remember(match[1].decode(), float(match[2]))
            end = match.end()
        return end

    def _remember(self, sign: str, now: float) -> None:
        if not sign:
            return
        self._signs.pop(sign, None)
        self._signs[sign] = now
        while len(self._signs) > _MOST_SIGNS or now - next(iter(self._signs.values())) > _SIGN_S:
            del self._signs[next(iter(self._signs))]

    def _remove(self, paths: Iterable[Path]) -> None:
        """Remove files, once the signs in them lie elsewhere."""
        going = [path for path in paths if path.exists()]
        if not going:
            return
        with self._lock:
            text = "".join(f"#{sign} {came:.0f}\n" for sign, came in self._signs.items())
        fresh = self._folder / f"{_SIGNS}.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / _SIGNS)
        for path in going:
            path.unlink(missing_ok=True)

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
        numbers = range(stored[0], self._taken[0])
        self._remove(self._folder / f"otlp-{number:012d}.jsonl" for number in numbers)


def _number(position: Mapping[str, object], key: str) -> int:
    value = position.get(key, 0)
    return value if isinstance(value, int) and value >= 0 else 0
