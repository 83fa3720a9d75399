"""Records that could not be used, kept whole with the reason: set aside, never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from boxwatch.events.schema import QUARANTINE, RawChunk, empty

_NONE: Final = empty(QUARANTINE)


class Refused(NamedTuple):
    """One record set aside: where it begins in its chunk, its bytes, and why."""

    offset: int
    record: bytes
    reason: str


def readable(record: bytes) -> str:
    r"""`record` as text; bytes that are not UTF-8 appear as `\xNN`."""
    return record.decode("utf-8", "backslashreplace")


def set_aside(chunk: RawChunk, now: datetime, refused: Iterable[Refused]) -> pl.DataFrame:
    """The quarantine rows of `refused`; `origin` is the chunk's, with the byte offset in it."""
    rows = [
        (now, chunk.kind, f"{chunk.origin}+{item.offset}", item.reason, readable(item.record))
        for item in refused
    ]
    return pl.DataFrame(rows, schema=dict(QUARANTINE), orient="row") if rows else _NONE.clone()


def gather(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all `parts`, in order."""
    filled = [part for part in parts if part.height]
    return pl.concat(filled) if filled else _NONE.clone()
