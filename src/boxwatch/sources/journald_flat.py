"""Export bytes made flat: every field a line, binary data as its JSON, so that lines are lines.

A field of text stays `NAME=text`. Data becomes `NAME=`, a mark that no text has, and the data as
JSON. Fields that nobody reads are left out where they are data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

import orjson

JSON: Final = b"\xff\0"  # what follows is JSON; it does not decode, so that no one need look for it
_NUL: Final = b"\0"
LENGTH: Final = 8  # bytes that tell how long data is
_NAME: Final = re.compile(rb"[A-Z0-9_]{1,64}")
# What journalctl takes for unprintable: systemd's utf8.c, utf8_is_printable and unichar_is_valid.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane + last) for plane in range(0, 0x110000, 65536) for last in (65534, 65535))
    + "]"
)


@dataclass(frozen=True, slots=True)
class Flat:
    """The whole entries of a block: each its lines and an empty one.

    `end` is where in the block the first entry begins that is not whole; it cannot be whole in a
    block that is shorter than `needed`. `broken`: the last entry has data of which only its name
    is known, null here, and what follows it is not looked at.
    """

    text: bytes
    end: int
    needed: int = 0
    broken: bool = False


def flatten(block: bytes, odd: Sequence[int], fields: Set[bytes], limit: int) -> Flat:
    """The entries of `block`, which begins with one; `odd` are its lines without `NAME=`.

    Data of more than `limit` bytes is not read: its entry is the last one, and `broken`.
    """
    if odd:
        return _Cutter(block, fields, limit).cut(odd)
    end = block.rfind(b"\n\n") + 2
    return Flat(_without_nul(block[:end]), end) if end > 1 else Flat(b"", 0)


def json_of(data: bytes) -> bytes:
    """`data` as journalctl prints it: text, or numbers where it is not printable text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return orjson.dumps(list(data))
    return orjson.dumps(list(data) if _UNPRINTABLE.search(text) else text)


class _Cutter:
    """Goes through a block from one field of data to the next; what lies between is text."""

    def __init__(self, block: bytes, fields: Set[bytes], limit: int) -> None:
        self._block = block
        self._fields = fields
        self._limit = limit
        self._pieces: list[tuple[int, bytes]] = []  # text, and where in the block it ends
        self._at = 0

    def cut(self, odd: Sequence[int]) -> Flat:
        """Everything flat, up to the last entry that is whole."""
        for start in odd:
            if start < self._at:
                continue  # within data
            self._text(start)
            needed, broken = self._take(start)
            if broken or needed:
                return self._whole(needed, broken=broken)
        self._text(self._block.rfind(b"\n") + 1)
        return self._whole(0, broken=False)

    def _take(self, start: int) -> tuple[int, bool]:
        """Take the data at `start`; how long a block it needs, and whether it is broken."""
        newline = self._block.index(b"\n", start)
        name, begin = self._block[start:newline], newline + 1 + LENGTH
        if not _NAME.fullmatch(name):
            self._at = newline + 1  # nothing that journalctl writes
            return 0, False
        if len(self._block) < begin:
            return begin, False
        end = begin + int.from_bytes(self._block[newline + 1 : begin], "little")
        if end - begin > self._limit or self._block[end : end + 1] not in (b"\n", b""):
            self._add(name, b"null")
            return 0, True
        if len(self._block) <= end:
            return end + 1, False
        if name in self._fields:
            self._add(name, json_of(self._block[begin:end]))
        self._at = end + 1
        return 0, False

    def _add(self, name: bytes, value: bytes) -> None:
        self._pieces.append((self._at, b"%b=%b%b\n" % (name, JSON, value)))

    def _text(self, end: int) -> None:
        if end > self._at:
            self._pieces.append((end, _without_nul(self._block[self._at : end])))
            self._at = end

    def _whole(self, needed: int, *, broken: bool) -> Flat:
        """What was taken, up to the last entry's end; a broken entry is ended here."""
        text = b"".join(piece for _, piece in self._pieces)
        if broken:
            return Flat(text + b"\n", len(self._block), broken=True)
        end = left = text.rfind(b"\n\n") + 2
        if end < 2:
            return Flat(b"", 0, needed)
        for place, piece in self._pieces:
            if left <= len(piece):  # an entry ends in text, which is as long as it was
                return Flat(text[:end], place - len(piece) + left, needed)
            left -= len(piece)
        raise AssertionError("the end lies in no piece")


def _without_nul(text: bytes) -> bytes:
    """`text` where NUL, which journalctl never writes there, is not taken for our mark."""
    return text.replace(_NUL, b"?") if _NUL in text else text
