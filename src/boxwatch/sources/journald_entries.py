"""Where the entries of export bytes lie, and which of them are nothing but text.

Found for a whole block at once, in columns: entry by entry it would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Set
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt

_NEWLINE: Final = ord("\n")
_EQUALS: Final = ord("=")
_SLOTS: Final = 1 << 12

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]


class FieldMarks:
    """A bit of its own for each of at most 64 field names, told by length and two letters."""

    def __init__(self, names: Set[bytes]) -> None:
        self._bits = np.zeros(_SLOTS, np.uint64)
        for self._factor in count(67):
            slots = [
                self._slots(name[min(1, len(name) - 1)], name[-1], len(name))
                for name in sorted(names)
            ]
            if len(set(slots)) == len(slots):
                break
        for number, slot in enumerate(slots):
            self._bits[slot] = 1 << number

    def of(self, block: Bytes, starts: Offsets, lengths: Offsets) -> Bits:
        """The bits of the names that lie in `block`; another name has none, or that of a known."""
        second = block[starts + np.minimum(1, lengths - 1)].astype(np.int64)
        last = block[starts + lengths - 1]
        return self._bits[self._slots(second, last, lengths)]

    def _slots(self, second: Offsets | int, last: Bytes | int, lengths: Offsets | int) -> Offsets:
        return (lengths * (31 * self._factor) + second * self._factor + last) % _SLOTS  # type: ignore[return-value]


class EntryIndex:
    """The entries of a block that begins with one, as far as they are whole.

    An entry that must be read field by field has data that is not text, or a field twice. Where
    such data looks like entries, these are counted too; nobody asks for them.
    """

    def __init__(self, block: bytes, marks: FieldMarks) -> None:
        letters = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(letters == _NEWLINE)
        starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1])
        empty = np.flatnonzero(ends == starts)
        self._after = ends[empty] + 1  # where each entry ends
        lines = int(empty[-1]) + 1 if len(empty) else 0
        self._odd = _odd(letters, starts[:lines], ends[:lines], empty, marks)
        self._starts = np.concatenate([np.zeros(min(1, len(empty)), np.int64), self._after[:-1]])

    def plain_until(self, at: int) -> int:
        """Where the run of plain entries ends that begins at `at`, which is where one begins."""
        if not len(self._after):
            return at
        number = int(np.searchsorted(self._starts, at))
        nearest = int(np.searchsorted(self._odd, number))
        stop = int(self._odd[nearest]) if nearest < len(self._odd) else len(self._after)
        return int(self._after[stop - 1]) if stop > number else at


def _odd(
    letters: Bytes, starts: Offsets, ends: Offsets, empty: Offsets, marks: FieldMarks
) -> Offsets:
    """The numbers of the entries that are not plain, in order."""
    if not len(empty):
        return np.empty(0, np.int64)
    firsts = np.concatenate([np.zeros(1, np.int64), empty[:-1] + 1])
    equals = np.append(np.flatnonzero(letters == _EQUALS), len(letters))
    lengths = equals[np.searchsorted(equals, starts)] - starts
    named = (lengths > 0) & (lengths < ends - starts + 1)
    named &= starts + lengths < ends
    odd_lines = ~named
    odd_lines[empty] = False
    bits = np.zeros(len(starts), np.uint64)
    bits[named] = marks.of(letters, starts[named], lengths[named])
    twice = np.add.reduceat(bits, firsts) != np.bitwise_or.reduceat(bits, firsts)
    odd = twice | (firsts == empty) | np.logical_or.reduceat(odd_lines, firsts)
    return np.flatnonzero(odd)
