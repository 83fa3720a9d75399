"""Journal entries printed as the rows that `journalctl -o json` prints, from their flat text."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Final

import orjson

from boxwatch.sources.journald_entries import EntryIndex, FieldMarks
from boxwatch.sources.journald_flat import JSON

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


class RowPrinter:
    """Prints flat entries (journald_flat): NDJSON rows of `host` and those of `fields` they have.

    A row has `host` first: text as a string, other bytes as an array of numbers, a field that
    occurs more than once as an array of values. Threads may share one.
    """

    def __init__(self, host: str, fields: Sequence[str]) -> None:
        self.host = host
        self.fields = tuple(fields)
        names = frozenset(field.encode() for field in fields)
        self._texts = _Texts(names, b'{"host":' + _dumps(host))
        self._marks = FieldMarks(names)
        self._lock = Lock()

    def rows(self, text: bytes) -> bytes:
        """The rows of whole entries, none of which is empty."""
        rows: list[bytes] = []
        at = 0
        with self._lock:  # of what is remembered
            for begin, end in EntryIndex(text).careful(self._marks):
                rows.append(self._texts.rows(text[at:begin]))
                rows.append(self._texts.row(text[begin:end]))
                at = end
            rows.append(self._texts.rows(text[at:]))
        return b"".join(rows)

    def row(self, entry: bytes) -> bytes:
        """The row of one whole entry; it may have a field twice."""
        return self._texts.row(entry)


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
        """The row of one whole entry, whatever it has."""
        fields: dict[bytes, list[bytes]] = {}
        for line in entry.split(b"\n"):
            name, _, value = line.partition(b"=")
            if name in self._names:
                fields.setdefault(name, []).append(_json(value))
        pairs = [
            self._names[name] + (b"[%b]" % b",".join(values) if values[1:] else values[0])
            for name, values in fields.items()
        ]
        return b"".join((self._head, *pairs, b"}\n"))

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
