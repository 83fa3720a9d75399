"""The bytes of `journalctl -o export`, cut into entries.

Export format: an entry is `NAME=text` lines and, where the data is not printable text, `NAME`, a
newline, its length as eight bytes (little endian), the data and a newline; an empty line ends it
(https://systemd.io/JOURNAL_EXPORT_FORMATS/). journalctl writes it in a quarter of the time that
JSON takes. Data may hold anything: what looks like fields, ends of entries, whole entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from boxwatch.sources.journald_entries import EntryIndex
from boxwatch.sources.journald_flat import LENGTH, flatten
from boxwatch.sources.journald_printing import RowPrinter
from boxwatch.sources.journald_rows import JournalRows
from boxwatch.sources.source import LINE_LIMIT

LIMIT: Final = LINE_LIMIT - LENGTH  # data up to here never comes cut


class ExportEntries:
    """Takes export bytes cut anywhere; gives the entries that became whole, each a row.

    A row has `host`, then those of `fields` that the entry has. Data of more than `limit` bytes is
    null. A last entry that stays cut gives no row, nor does one without a line.

    `broken` becomes True after an entry whose end cannot be known: it has data beyond `limit`, or
    of another length than it is said to be. Its row is given; what follows is not looked at, since
    it may be that data still. Reading begins anew after the cursor of that row.
    """

    def __init__(self, host: str, fields: Sequence[str], limit: int = LIMIT) -> None:
        self.broken = False
        self._limit = limit
        self._fields = frozenset(field.encode() for field in fields)
        self._printer = RowPrinter(host, fields)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._needed = 0  # without so many bytes the entry that is held cannot be whole

    def feed(self, data: bytes) -> JournalRows:
        """The entries that `data` completes."""
        if self.broken:
            return JournalRows(b"", 0, self._printer)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes < self._needed:
            return JournalRows(b"", 0, self._printer)
        block = b"".join(self._held)
        index = EntryIndex(block)
        flat = flatten(block, index.odd, self._fields, self._limit)
        if index.odd:
            index = EntryIndex(flat.text)
        self.broken = flat.broken
        self._held = [block[flat.end :]]
        self._held_bytes = len(block) - flat.end
        self._needed = max(0, flat.needed - flat.end)
        return JournalRows(index.filled(flat.text), index.entries, self._printer)
