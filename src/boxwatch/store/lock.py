"""One writer per data folder: an advisory lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from boxwatch.errors import StoreLocked
from boxwatch.store.durable import on_device


class WriterLock:
    """Held from construction until `release` or the end of the process.

    Raises:
        StoreLocked: another process holds it; names its process id.

    """

    def __init__(self, path: Path) -> None:
        with on_device(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreLocked(
                f"The data folder {str(path.parent)!r} is being written by process {owner}.",
                hint="Stop that process, or name another folder with --data.",
            ) from error
        # The id is for people only: a full device must not keep the writer from starting,
        # so the few bytes are written over the old ones and not made durable.
        os.ftruncate(self._descriptor, 0)
        with on_device(path):
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process write; calling it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
