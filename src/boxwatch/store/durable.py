"""Writing so that a file is there whole or not at all, and saying so when the device is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from boxwatch.errors import StoreError, StoreFull

PARTIAL: Final = ".tmp"  # what a file not yet whole is called; no reader looks at it

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def on_device(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into the store's errors.

    Raises:
        StoreFull: no room or quota left.
        StoreError: anything else the operating system refused.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise full(path) from error
        raise StoreError(
            f"Cannot write {str(path)!r}: {error.strerror}.",
            hint="Check the owner and the mount of the data folder.",
        ) from error


def full(path: Path) -> StoreFull:
    """The error that says there is no room for `path`."""
    return StoreFull(
        f"No room left on the device of {str(path)!r}.",
        hint="Free some space or lower the retention limits; writing goes on by itself then.",
    )


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write `path` under another name, make it durable, then rename; missing folders are made.

    Raises:
        StoreFull: no room; nothing is left behind.

    """
    partial = path.with_name(path.name + PARTIAL)
    with on_device(path):
        make_folder(path.parent)
        try:
            _write(partial, content)
            partial.rename(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, durably; for this user alone.

    Logs hold what only their owner may read: a folder of records is closed to others.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; fsync(2) of a file alone does not cover its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes | memoryview) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
