"""Where the lines of a chunk lie."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_BLANK: Final = b" \t\r"  # what JSON calls white space; the newline ends the line
_NEWLINE: Final = ord("\n")
_FEW: Final = 64  # lines looked for one by one
_SLICE: Final = 256 * 1024  # fits the processor's cache: faster than the whole at once


class Spans(NamedTuple):
    """Where lines lie in their chunk: byte offsets of each begin and end."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


class LinePlaces:
    """Where the `rows` lines of a chunk lie that are not blank, nor begin at one of `skipped`.

    Mostly few are asked for, of a chunk that has no other lines: then newlines are counted, at a
    third of the price of a list of all places.
    """

    def __init__(self, lines: bytes, rows: int, skipped: Set[int] = frozenset()) -> None:
        self._lines = lines
        self._rows = rows
        self._skipped = skipped
        self._asked = 0

    def span(self, row: int) -> tuple[int, int]:
        """The byte offsets of begin and end of one line."""
        self._asked += 1
        if self._asked <= _FEW and self._plain:
            return (0 if row == 0 else self._newline(row - 1) + 1), self._newline(row)
        return int(self._all.starts[row]), int(self._all.ends[row])

    @cached_property
    def _newlines(self) -> npt.NDArray[np.int64]:
        """How many newlines lie before the end of each slice."""
        letters = np.frombuffer(self._lines, np.uint8)
        starts = range(0, len(letters), _SLICE)
        counts = [np.count_nonzero(letters[at : at + _SLICE] == _NEWLINE) for at in starts]
        return np.cumsum(counts, dtype=np.int64)

    @property
    def _plain(self) -> bool:
        """Whether every newline ends one of the lines."""
        ended = self._lines.endswith(b"\n")
        return ended and not self._skipped and int(self._newlines[-1]) == self._rows

    def _newline(self, number: int) -> int:
        """Where the newline with this number lies, counted from 0."""
        piece = int(np.searchsorted(self._newlines, number, side="right"))
        before = int(self._newlines[piece - 1]) if piece else 0
        letters = np.frombuffer(self._lines, np.uint8)[piece * _SLICE : (piece + 1) * _SLICE]
        return piece * _SLICE + int(np.flatnonzero(letters == _NEWLINE)[number - before])

    @cached_property
    def _all(self) -> Spans:
        found = spans(self._lines, 0, len(self._lines))
        kept = ~np.isin(found.starts, list(self._skipped))
        return Spans(found.starts[kept], found.ends[kept])


def spans(lines: bytes, start: int, end: int) -> Spans:
    """Every line between two offsets that is not blank; an unterminated last one too."""
    buffer = np.frombuffer(lines, np.uint8)[start:end]
    found = [
        np.flatnonzero(buffer[first : first + _SLICE] == _NEWLINE) + (first + start)
        for first in range(0, len(buffer), _SLICE)
    ]
    ends = np.concatenate([np.empty(0, np.int64), *found])
    if len(buffer) and buffer[-1] != _NEWLINE:
        ends = np.append(ends, end)
    starts = np.concatenate([np.full(min(1, len(ends)), start), ends[:-1] + 1])
    filled = starts < ends
    # Nearly every line begins with its object; only the others may be nothing but white space.
    head = buffer[np.minimum(starts - start, len(buffer) - 1)]
    for line in np.flatnonzero(filled & (head != ord("{"))):
        filled[line] = bool(lines[starts[line] : ends[line]].strip(_BLANK))
    return Spans(starts[filled], ends[filled])
