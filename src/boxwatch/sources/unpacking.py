"""Compressed files as text: what Python unpacks itself, and what a command of the system does."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

DAMAGED: Final = (EOFError, zlib.error, lzma.LZMAError)  # what reading such a file may raise too

_SKIP: Final = 1 << 20  # bytes read at once on the way to an offset


class Unpacked(Protocol):
    """The text of a compressed file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; fewer only at the end."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go to `offset` of the text."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class CommandFile:
    """The text that a command makes of a compressed file; going back starts it again.

    Args:
        argv: The command; it reads the file from its standard input.
        package: What to install where there is no such command.
        path: The file.

    Raises:
        OSError: the file cannot be opened, or the command is not here; says its size and what to
            install.

    """

    def __init__(self, argv: Sequence[str], package: str, path: str) -> None:
        self._argv = argv
        self._package = package
        self._path = path
        self._at = 0
        self._running = self._start()

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; fewer only at the end.

        Raises:
            OSError: the command found the file damaged.

        """
        assert self._running.stdout is not None  # noqa: S101 - it was asked for
        data = self._running.stdout.read(size)
        self._at += len(data)
        if (size < 0 or len(data) < size) and self._running.wait() != 0:
            raise OSError(f"{self._path} is damaged: {self._argv[0]} refuses it")
        return data

    def seek(self, offset: int, /) -> int:
        """Go to `offset` of the text, or to its end."""
        if offset < self._at:
            self.close()
            self._running, self._at = self._start(), 0
        while self._at < offset and self.read(min(_SKIP, offset - self._at)):
            pass
        return self._at

    def close(self) -> None:
        """End the command."""
        assert self._running.stdout is not None  # noqa: S101 - it was asked for
        self._running.stdout.close()
        self._running.kill()
        self._running.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with open(self._path, "rb") as file:
            try:
                return subprocess.Popen(
                    self._argv, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except FileNotFoundError as error:
                size = os.fstat(file.fileno()).st_size
                raise OSError(
                    f"its {size:,} bytes need the command {self._argv[0]!r}: install the package "
                    f"{self._package!r}"
                ) from error


# By the ending of the name.
UNPACK: Final[Mapping[str, Callable[[str], Unpacked]]] = {
    ".gz": gzip.GzipFile,
    ".xz": lzma.LZMAFile,
    ".lzma": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
    ".zst": partial(CommandFile, ("zstd", "-dcq"), "zstd"),
    ".Z": partial(CommandFile, ("gzip", "-dcq"), "gzip"),
}
