"""Where the lines and the entries of export bytes lie, and which of them need care.

Found for a whole block at once, in columns: line by line it would cost more than all the rest.
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
    """The lines of a block and, as long as no line is odd, its entries.

    `odd` are the begins of lines that have no `NAME=` and are not empty: data comes, or nonsense.
    `entries` is how many are not empty.
    """

    def __init__(self, block: bytes) -> None:
        self._letters = np.frombuffer(block, np.uint8)
        self._ends = np.flatnonzero(self._letters == _NEWLINE)
        self._starts = np.concatenate(
            [np.zeros(min(1, len(self._ends)), np.int64), self._ends[:-1] + 1]
        )
        equals = np.append(np.flatnonzero(self._letters == _EQUALS), len(block))
        self._lengths = equals[np.searchsorted(equals, self._starts)] - self._starts
        self._named = (self._lengths > 0) & (self._starts + self._lengths < self._ends)
        self._empty = np.flatnonzero(self._ends == self._starts)
        nameless = ~self._named
        nameless[self._empty] = False
        self.odd: list[int] = self._starts[nameless].tolist()
        # The first line of each entry.
        self._firsts = np.concatenate(
            [np.zeros(min(1, len(self._empty)), np.int64), self._empty[:-1] + 1]
        )
        self.entries = int(np.count_nonzero(self._firsts != self._empty))

    def filled(self, block: bytes) -> bytes:
        """`block`, which holds whole entries, without those that are empty."""
        if self.entries == len(self._empty):
            return block
        lines = np.flatnonzero(self._firsts != self._empty)
        begins = self._starts[self._firsts[lines]].tolist()
        ends = (self._ends[self._empty[lines]] + 1).tolist()
        return b"".join(block[begin:end] for begin, end in zip(begins, ends, strict=True))

    def careful(self, marks: FieldMarks) -> list[tuple[int, int]]:
        """Begin and end of each entry that is empty, or has a field of `marks` twice."""
        empty, firsts = self._empty, self._firsts
        if not len(empty):
            return []
        bits = np.zeros(len(self._starts), np.uint64)
        named = self._named
        bits[named] = marks.of(self._letters, self._starts[named], self._lengths[named])
        twice = np.add.reduceat(bits[: empty[-1] + 1], firsts)
        twice = twice != np.bitwise_or.reduceat(bits[: empty[-1] + 1], firsts)
        entries = np.flatnonzero(twice | (firsts == empty))
        begins, ends = self._starts[firsts[entries]], self._ends[empty[entries]] + 1
        return list(zip(begins.tolist(), ends.tolist(), strict=True))
