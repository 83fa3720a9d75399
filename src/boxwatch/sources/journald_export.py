"""The bytes of `journalctl -o export`, turned into the rows that `journalctl -o json` prints.

Export format: an entry is `NAME=text` lines and, where the data is not printable text, `NAME`, a
newline, its length as eight bytes (little endian), the data and a newline; an empty line ends it
(https://systemd.io/JOURNAL_EXPORT_FORMATS/). journalctl writes it in a quarter of the time that
JSON takes. Data may hold anything: what looks like fields, ends of entries, whole entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from boxwatch.sources.journald_entries import EntryIndex, FieldMarks
from boxwatch.sources.journald_flat import JSON, LENGTH, flatten
from boxwatch.sources.source import LINE_LIMIT

LIMIT: Final = LINE_LIMIT - LENGTH  # data up to here never comes cut
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
_dumps = orjson.dumps  # found at once, where it is called a million times


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
        self._fields = frozenset(field.encode() for field in fields)
        self._texts = _Texts(self._fields, b'{"host":' + _dumps(host))
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
        index = EntryIndex(block)
        flat = flatten(block, index.odd, self._fields, self._limit)
        if index.odd:
            index = EntryIndex(flat.text)
        self.broken = flat.broken
        self._held = [block[flat.end :]]
        self._held_bytes = len(block) - flat.end
        self._needed = max(0, flat.needed - flat.end)
        return self._rows(flat.text, index.careful(self._marks))

    def _rows(self, text: bytes, careful: Sequence[tuple[int, int]]) -> bytes:
        rows: list[bytes] = []
        at = 0
        for begin, end in careful:
            rows.append(self._texts.rows(text[at:begin]))
            rows.append(self._texts.row(text[begin:end]))
            at = end
        rows.append(self._texts.rows(text[at:]))
        return b"".join(rows)


class _Texts(dict[bytes, bytes]):
    """From a flat line to its piece of a row; remembers the lines that come again and again.

    An empty line is the end of one row and the beginning of the next.
    """

    def __init__(self, fields: frozenset[bytes], head: bytes) -> None:
        super().__init__()
        self._names = {name: b',"%b":' % name for name in fields}
        self._changing = {name: self._names[name] for name in fields & _CHANGING}
        self._head = head
        self[b""] = b"}\n" + head

    def rows(self, entries: bytes) -> bytes:
        """The rows of whole entries, none of which is empty or has a field twice."""
        if not entries:
            return b""
        pieces = map(self.__getitem__, entries[:-2].split(b"\n"))
        return b"".join((self._head, *pieces, b"}\n"))

    def row(self, entry: bytes) -> bytes:
        """The row of one whole entry, whatever it has; nothing if it has no field."""
        fields: dict[bytes, list[bytes]] = {}
        for line in entry.split(b"\n"):
            name, _, value = line.partition(b"=")
            if name in self._names:
                fields.setdefault(name, []).append(_json(value))
        pairs = [
            self._names[name] + (b"[%b]" % b",".join(values) if values[1:] else values[0])
            for name, values in fields.items()
        ]
        return b"".join((self._head, *pairs, b"}\n")) if pairs else b""

    def __missing__(self, line: bytes) -> bytes:
        name, _, value = line.partition(b"=")
        try:
            text = _dumps(value.decode())
        except UnicodeDecodeError:
            text = _json(value)
        if name in self._changing:
            return self._changing[name] + text
        piece = self._names[name] + text if name in self._names else b""
        if len(line) <= _REMEMBERED_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
                self[b""] = b"}\n" + self._head
            self[line] = piece
        return piece


def _json(value: bytes) -> bytes:
    if value.startswith(JSON):
        return value[len(JSON) :]
    try:
        return _dumps(value.decode())
    except UnicodeDecodeError:
        return _dumps(list(value))
