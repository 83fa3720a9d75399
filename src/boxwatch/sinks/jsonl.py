"""Incidents appended to a file, one JSON object a line."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from boxwatch.errors import StoreError, StoreFull
from boxwatch.incidents.incident import Incident

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def to_json(incident: Incident) -> bytes:
    """`incident` as one line of JSON with its newline; instants are RFC 3339 in UTC."""
    return orjson.dumps(incident, option=_OPTIONS)


class JsonlSink:
    """Appends to `path`; a line cut short by an earlier crash is ended first, never continued.

    A flush that fails keeps the lines and cuts the file back to what it held before, so that the
    next flush writes them whole.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            torn = _is_torn(path)
        except OSError as failure:
            raise _fault(path, failure) from failure
        self._path = path
        self._held: list[bytes] = [b"\n"] if torn else []

    def write(self, incidents: Sequence[Incident]) -> None:
        """Hold `incidents` until the flush."""
        self._held.extend(map(to_json, incidents))

    def flush(self) -> None:
        """Append what is held and wait until the device has it.

        Raises:
            StoreFull: the device has no room.
            StoreError: the file cannot be written for another reason.

        """
        if not self._held:
            return
        before = os.fstat(self._file.fileno()).st_size
        try:
            left = memoryview(b"".join(self._held))
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as failure:
            os.ftruncate(self._file.fileno(), before)
            raise _fault(self._path, failure) from failure
        self._held.clear()

    def close(self) -> None:
        """Flush and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()


class StreamSink:
    """Writes to a stream that someone reads as it comes, such as a pipe; owns nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, incidents: Sequence[Incident]) -> None:
        """Write `incidents` and pass them on at once."""
        self._stream.writelines(map(to_json, incidents))
        self._stream.flush()

    def flush(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """The stream belongs to whoever made it."""


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return False
        file.seek(end - 1)
        return file.read(1) != b"\n"


def _fault(path: Path, failure: OSError) -> StoreError:
    kind = StoreFull if failure.errno == errno.ENOSPC else StoreError
    return kind(
        f"Incidents cannot be written to {str(path)!r}: {failure.strerror}.",
        hint="Make room or give the folder to this user.",
    )
