"""Digests: what a query makes of every row of a day, kept so that it is made once.

A digest lies in its partition's folder as `NAME.digest`, and so goes when the day goes. It names
the batches it was made of, with their rows and bytes, and carries a checksum: what was merged since
is recognised, what came since is added, and where anything else differs it is made anew. It can be
removed at any time, and where it cannot be written the answer is the same, only later.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from boxwatch.errors import StoreDamaged, StoreTooNew
from boxwatch.events.schema import Schema
from boxwatch.store.durable import PARTIAL
from boxwatch.store.event_store import EventStore
from boxwatch.store.part_files import count_rows
from boxwatch.store.parts import Part
from boxwatch.store.snapshot import pack, unpack

_RUN_BYTES: Final = 6 * 2**20  # of parts that are read at once: some 100 MB of rows
_WORTH_ROWS: Final = 5_000  # digesting fewer costs less than keeping what comes of it
_WORTH_PARTS: Final = 8
_TOGETHER: Final = 8  # digests of runs that wait to be combined


@dataclass(frozen=True, slots=True)
class Recipe:
    """How rows become a digest, and several digests one.

    `identity` differs wherever the same rows would give another digest. `make` gets `columns` of
    the rows, in any order; what it and `combine` return is of `schema`.
    """

    name: str
    identity: str
    columns: tuple[str, ...]
    schema: Schema
    make: Callable[[pl.DataFrame], pl.DataFrame]
    combine: Callable[[Sequence[pl.DataFrame]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part that a digest was made of."""

    first: int
    last: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class _Kept:
    pieces: tuple[_Piece, ...]
    rows: pl.DataFrame


class Digests:
    """The digests of one recipe over one store."""

    def __init__(self, store: EventStore, recipe: Recipe) -> None:
        self._store = store
        self._recipe = recipe

    def each(
        self, parts: Sequence[Part], progress: Callable[[int, int], None]
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """The day and the digest of every partition of `parts`, as they come.

        `progress` is told how many parts of how many are done.
        """
        done = 0
        for partition, group in groupby(parts, key=lambda part: part.partition):
            run = list(group)
            digest = self._of(run, lambda more, at=done: progress(at + more, len(parts)))  # type: ignore[misc]
            done += len(run)
            progress(done, len(parts))
            yield partition.date, digest

    def _of(self, parts: list[Part], progress: Callable[[int], None]) -> pl.DataFrame:
        """The digest of `parts`, all of one partition."""
        path = parts[0].path.parent / f"{self._recipe.name}.digest"
        kept = self._read(path)
        pieces, missing = ([], parts) if kept is None else _covered(kept.pieces, parts)
        frames = [kept.rows] if kept is not None and pieces else []
        found: list[_Piece] = []
        for run in runs(missing):
            rows = self._store.query(run, lambda lazy: lazy.select("seq", *self._recipe.columns))
            frames.append(self._recipe.make(rows.drop("seq")))
            found += _counted(run, rows["seq"])
            if len(frames) >= _TOGETHER:
                frames = [self._recipe.combine(frames)]
            progress(len(found))
        if not found and len(frames) == 1:
            return frames[0]
        digest = self._recipe.combine(frames)
        if sum(piece.rows for piece in found) >= _WORTH_ROWS or len(found) >= _WORTH_PARTS:
            self._keep(path, _Kept((*pieces, *found), digest))
        return digest

    def _read(self, path: Path) -> _Kept | None:
        """What was kept as `path`; None where it is not, is damaged, or of another recipe."""
        try:
            saved = unpack(path.read_bytes())
        except (OSError, StoreDamaged, StoreTooNew):
            return None
        if saved.get("recipe") != self._recipe.identity:
            return None
        rows = pl.read_parquet(io.BytesIO(saved["rows"].tobytes()))
        if dict(rows.schema) != dict(self._recipe.schema):
            return None
        return _Kept(tuple(_Piece(*piece) for piece in saved["pieces"]), rows)

    def _keep(self, path: Path, kept: _Kept) -> None:
        """Write `kept`, if that is possible. The folder of a day that went is not made again."""
        buffer = io.BytesIO()
        kept.rows.write_parquet(buffer, compression="zstd", compression_level=1)
        content = pack(
            {
                "recipe": self._recipe.identity,
                "pieces": [[one.first, one.last, one.rows, one.size] for one in kept.pieces],
                "rows": np.frombuffer(buffer.getbuffer(), np.uint8),
            }
        )
        partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
        try:
            partial.write_bytes(content)
            partial.chmod(0o600)
            partial.replace(path)
        except OSError:  # no room, no right, or the day went: the next query makes it again
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def runs(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """`parts` in runs that fit into memory together."""
    run: list[Part] = []
    size = 0
    for part in parts:
        own = _size(part)
        if run and (size + own > _RUN_BYTES or part.partition.date != run[0].partition.date):
            yield run
            run, size = [], 0
        run.append(part)
        size += own
    if run:
        yield run


def _covered(pieces: Sequence[_Piece], parts: list[Part]) -> tuple[list[_Piece], list[Part]]:
    """`pieces` as the parts they are now, and the parts that are not among them.

    No pieces and all parts where it is to be made anew: one went, or was merged with unknown ones.
    """
    inside: dict[Part, list[_Piece]] = {}
    left = sorted(pieces, key=lambda piece: piece.first)
    for part in parts:
        while left and left[0].first <= part.last:
            piece = left.pop(0)
            if piece.first < part.first or piece.last > part.last:
                return [], parts
            inside.setdefault(part, []).append(piece)
    if left:
        return [], parts
    known: list[_Piece] = []
    for part, within in inside.items():
        size, rows = _size(part), sum(piece.rows for piece in within)
        only = within[0]
        same = len(within) == 1 and (only.first, only.last) == (part.first, part.last)
        if not (only.size == size if same else rows == count_rows(part.path)):
            return [], parts
        known.append(_Piece(part.first, part.last, rows, size))
    return known, [part for part in parts if part not in inside]


def _counted(run: Sequence[Part], seq: pl.Series) -> list[_Piece]:
    """How many rows each part of `run` gave; one that gave none is damaged, and not a piece."""
    firsts = np.array([part.first for part in run], np.int64)
    places = np.searchsorted(firsts, seq.to_numpy().astype(np.int64), side="right") - 1
    counts = np.bincount(places, minlength=len(run)).tolist()
    return [
        _Piece(part.first, part.last, count, _size(part))
        for part, count in zip(run, counts, strict=True)
        if count
    ]


def _size(part: Part) -> int:
    with suppress(OSError):
        return part.path.stat().st_size
    return 0
