"""Raw records kept as they were collected, beside the batches that were made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from boxwatch.events.schema import RAW_KINDS, RawChunk
from boxwatch.store.durable import make_folder, on_device, sync_folder

_MOST: Final = 64 << 20  # bytes of a file before the next one is begun


class RawRecording:
    """Appends chunks to the artifacts of their kinds: <folder>/<prefix>_<stamp>.jsonl.

    What was written for a batch that was never committed is cut off again: `sizes` belongs into
    the positions of the batch.

    Args:
        root: The folder of raw artifacts; no other files are in it.
        sizes: What `sizes` was after the last batch that was committed.
        most: Bytes of a file before the next one is begun.

    Raises:
        StoreError: the device refuses.
    """

    KEY: ClassVar[str] = "recording"  # of `sizes` among the positions of a batch

    def __init__(self, root: Path, sizes: Mapping[str, int], most: int = _MOST) -> None:
        self._root = root
        self._most = most
        self._sizes = dict(sizes)
        self._kept = dict(sizes)
        self._current: dict[str, str] = {}  # kind -> the file it goes on in
        with on_device(root):
            self._cut_back()

    def write(self, chunks: Sequence[RawChunk], now: datetime) -> None:
        """Append `chunks`, durably, to be kept or taken back; a new file is stamped with `now`.

        Raises:
            StoreFull: no room; what was written of them is taken back.

        """
        by_kind: dict[str, list[bytes]] = {}
        for chunk in chunks:
            if chunk.lines:
                by_kind.setdefault(chunk.kind, []).extend(_whole(chunk.lines))
        try:
            with on_device(self._root):
                for kind, lines in by_kind.items():
                    self._append(kind, b"".join(lines), now)
        except BaseException:
            self.take_back()
            raise

    def keep(self) -> None:
        """What was written stays: the batch is committed."""
        self._kept = dict(self._sizes)

    def take_back(self) -> None:
        """Cut off what was written and is not kept: the batch did not come to be."""
        self._sizes = dict(self._kept)
        self._cut_back()

    def sizes(self) -> dict[str, int]:
        """The bytes of every file, by its path below the root."""
        return dict(self._sizes)

    def _append(self, kind: str, lines: bytes, now: datetime) -> None:
        folder, prefix = RAW_KINDS[kind]
        name = self._current.get(kind)
        if name is None or self._sizes[name] + len(lines) > self._most:
            name = f"{folder}/{prefix}_{now:%Y%m%d_%H%M%S}.jsonl"
            self._current[kind] = name
        path = self._root / name
        make_folder(path.parent)
        with path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if name not in self._sizes:
            sync_folder(path.parent)
        self._sizes[name] = self._sizes.get(name, 0) + len(lines)

    def _cut_back(self) -> None:
        self._current = {}
        prefixes = {f"{folder}/{prefix}": kind for kind, (folder, prefix) in RAW_KINDS.items()}
        for path in sorted(self._root.glob("*/*.jsonl")):
            name = path.relative_to(self._root).as_posix()
            known = self._sizes.get(name, 0)
            if known == 0:
                path.unlink()
                continue
            if path.stat().st_size > known:
                os.truncate(path, known)
            stem = name.removesuffix(".jsonl")
            self._current[prefixes[stem[: -len("_YYYYmmdd_HHMMSS")]]] = name


def _whole(lines: bytes) -> Iterator[bytes]:
    yield lines
    if not lines.endswith(b"\n"):
        yield b"\n"
