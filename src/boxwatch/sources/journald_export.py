"""The bytes of `journalctl -o export`, turned into the rows that `journalctl -o json` prints.

Export format: an entry is `NAME=text` lines and, where the data is not printable text, `NAME`, a
newline, its length as eight bytes (little endian), the data and a newline; an empty line ends it
(https://systemd.io/JOURNAL_EXPORT_FORMATS/). journalctl writes it three to four times as fast as
JSON. Data may hold anything: what looks like fields, ends of entries, whole entries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import orjson

from boxwatch.sources.journald_entries import EntryIndex, FieldMarks
from boxwatch.sources.source import LINE_LIMIT

Fields = dict[bytes, list[bytes | None]]

_LENGTH: Final = 8  # bytes that tell how long data is
LIMIT: Final = LINE_LIMIT - _LENGTH  # data up to here never comes cut
_NAME: Final = re.compile(rb"[A-Z0-9_]{1,64}")
# What journalctl takes for unprintable: systemd's utf8.c, utf8_is_printable and unichar_is_valid.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane + last) for plane in range(0, 0x110000, 65536) for last in (65534, 65535))
    + "]"
)
# A new one in every entry: remembering them would help nobody.
_CHANGING: Final = frozenset(
    {
        b"__CURSOR",
        b"__REALTIME_TIMESTAMP",
        b"__MONOTONIC_TIMESTAMP",
        b"_SOURCE_REALTIME_TIMESTAMP",
        b"MESSAGE",
    }
)
_REMEMBERED: Final = 8192  # lines: what some hundred processes have in common
_REMEMBERED_BYTES: Final = 256  # longer ones are not remembered


class ExportRows:
    """Takes export bytes cut anywhere; gives an NDJSON row for each entry that became whole.

    A row has `host` first, then those of `fields` that the entry has: text as a string, other
    bytes as an array of numbers, a field that occurs more than once as an array of values. Data
    of more than `limit` bytes is null. A last entry that stays cut gives no row.

    `broken` becomes True after an entry whose end cannot be known: it has data beyond `limit`, or
    of another length than it is said to be. Its row is given; what follows is not looked at, since
    it may be that data still. Reading begins anew after the cursor of that row.
    """

    def __init__(self, host: str, fields: Sequence[str], limit: int = LIMIT) -> None:
        self.broken = False
        self._limit = limit
        self._head = b'{"host":' + orjson.dumps(host)
        self._fields = frozenset(field.encode() for field in fields)
        self._texts = _Texts(self._fields, self._head)
        self._marks = FieldMarks(self._fields)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._needed = 0  # without so many bytes the entry that is held cannot be whole

    def feed(self, data: bytes) -> bytes:
        """The rows of the entries that `data` completes."""
        if self.broken:
            return b""
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes < self._needed:
            return b""
        block = b"".join(self._held)
        rows, end = self._read(block)
        self._held = [block[end:]]
        self._held_bytes = len(block) - end
        return rows

    def _read(self, block: bytes) -> tuple[bytes, int]:
        """The rows of `block`, and where the entry begins that is not whole."""
        index = EntryIndex(block, self._marks)
        rows: list[bytes] = []
        at = 0
        self._needed = 0
        while at < len(block) and not self.broken:
            end = index.plain_until(at)
            if end > at:
                rows.append(self._texts.rows(block[at:end]))
                at = end
                continue
            entry = _Entry(block, at, self._limit)
            if entry.needed:
                self._needed = entry.needed - at
                break
            rows.append(self._row(entry.fields))
            self.broken = entry.broken
            at = entry.end
        return b"".join(rows), at

    def _row(self, fields: Fields) -> bytes:
        pairs = [
            b'"%b":%b' % (name, _values(values))
            for name, values in fields.items()
            if name in self._fields
        ]
        return b",".join([self._head, *pairs]) + b"}\n" if pairs else b""


class _Entry:
    """One entry of `block` from `at` on, read field by field.

    `needed` is not 0 where it is not whole: the least length of a block that could hold it.
    """

    def __init__(self, block: bytes, at: int, limit: int) -> None:
        self.fields: Fields = {}
        self.end = at
        self.needed = 0
        self.broken = False
        self._block = block
        self._limit = limit
        while not self.needed and not self.broken:
            newline = block.find(b"\n", self.end)
            if newline < 0:
                self.needed = len(block) + 1
            elif newline == self.end:
                self.end += 1
                return
            else:
                self._take(block[self.end : newline], newline + 1)

    def _take(self, line: bytes, after: int) -> None:
        name, equals, value = line.partition(b"=")
        if equals:
            self._add(name, value)
            self.end = after
        elif not _NAME.fullmatch(name):
            self.end = after  # no field: nothing journalctl writes
        elif len(self._block) < after + _LENGTH:
            self.needed = after + _LENGTH
        else:
            self._take_data(name, after + _LENGTH)

    def _take_data(self, name: bytes, begin: int) -> None:
        size = int.from_bytes(self._block[begin - _LENGTH : begin], "little")
        end = begin + size
        if size > self._limit:
            self._break(name)
        elif len(self._block) <= end:
            self.needed = end + 1
        elif self._block[end] != ord("\n"):
            self._break(name)
        else:
            self._add(name, self._block[begin:end])
            self.end = end + 1

    def _break(self, name: bytes) -> None:
        self._add(name, None)
        self.broken = True
        self.end = len(self._block)

    def _add(self, name: bytes, value: bytes | None) -> None:
        self.fields.setdefault(name, []).append(value)


class _Texts(dict[bytes, bytes]):
    """From a line `NAME=text` to its piece of a row; remembers the lines that come again and again.

    An empty line is the end of one row and the beginning of the next.
    """

    def __init__(self, fields: frozenset[bytes], head: bytes) -> None:
        super().__init__()
        self._fields = fields
        self._head = head
        self[b""] = b"}\n" + head

    def rows(self, entries: bytes) -> bytes:
        """The rows of whole entries that have nothing but text, and no field twice."""
        pieces = map(self.__getitem__, entries[:-2].split(b"\n"))
        return b"".join((self._head, *pieces, b"}\n"))

    def __missing__(self, line: bytes) -> bytes:
        name, _, value = line.partition(b"=")
        piece = b',"%b":%b' % (name, _text(value)) if name in self._fields else b""
        if name not in _CHANGING and len(line) <= _REMEMBERED_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
                self[b""] = b"}\n" + self._head
            self[line] = piece
        return piece


def _text(value: bytes) -> bytes:
    try:
        return orjson.dumps(value.decode())
    except UnicodeDecodeError:
        return orjson.dumps(list(value))


def _values(values: Sequence[bytes | None]) -> bytes:
    """The JSON of a field: its value, or an array where it has several."""
    made = [b"null" if value is None else _data(value) for value in values]
    return made[0] if len(made) == 1 else b"[%b]" % b",".join(made)


def _data(value: bytes) -> bytes:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return orjson.dumps(list(value))
    return orjson.dumps(list(value) if _UNPRINTABLE.search(text) else text)
