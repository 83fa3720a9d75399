"""Which fields the records of a chunk have, told without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import orjson

_HEAD: Final = 64 * 1024  # bytes, and lines in them, that tell what fields to expect
_FIRST: Final = 32
_SLICE: Final = 512 * 1024  # fits the processor's cache
_PAIR: Final = np.dtype("<u2")
_ENDS: Final = int.from_bytes(b'":', "little")


def likely(lines: bytes, columns: Sequence[str]) -> Sequence[str]:
    """Those of `columns` that the first lines have; all where these have others too."""
    found: set[str] = set()
    for line in lines[:_HEAD].split(b"\n", _FIRST)[:_FIRST]:
        try:
            found.update(orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError):
            return columns
    return [name for name in columns if name in found] if found.issubset(columns) else columns


def has_keys(lines: bytes, count: int) -> bool:
    """Whether the objects in `lines`, known to have `count` keys at least, surely have no others.

    Told from text alone: a key ends in a quote, not escaped, and a colon. Other quotes before
    colons count too, as of a text that begins with one; where there are not even escaped ones,
    which takes half the time to see, that is the answer.
    """
    return _count_pairs(lines) == count or _count_keys(lines) == count


def _count_pairs(lines: bytes) -> int:
    count = 0
    for start in range(0, len(lines), _SLICE):
        for first in (start, start + 1):
            most = min(_SLICE // 2, (len(lines) - first) // 2)
            if most > 0:
                count += int(np.count_nonzero(np.frombuffer(lines, _PAIR, most, first) == _ENDS))
    return count


def _count_keys(lines: bytes) -> int:
    letters = np.frombuffer(lines, np.uint8)
    count = 0
    for start in range(0, len(letters), _SLICE):
        piece = letters[start : start + _SLICE + 2]
        ends = piece[1:-1] == ord('"')
        ends &= piece[2:] == ord(":")
        ends &= piece[:-2] != ord("\\")
        count += int(np.count_nonzero(ends))
    return count
