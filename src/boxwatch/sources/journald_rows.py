"""Journal entries as they wait: flat text that becomes a table at once, and rows if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import polars as pl

from boxwatch.sources.journald_marks import last_entry
from boxwatch.sources.journald_printing import RowPrinter
from boxwatch.sources.journald_table import table

_END: Final = b"\n\n"


class JournalRows:
    """Whole entries, none of them empty, in `text` as journald_flat makes it; `Unprinted`.

    Attributes:
        text: Each entry its lines and an empty one.
        rows: How many entries they are.
        printer: What prints them.
    """

    def __init__(self, text: bytes, rows: int, printer: RowPrinter) -> None:
        self.text = text
        self.rows = rows
        self.printer = printer

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def lines(self) -> bytes:
        """The entries as `journalctl -o json` prints them, with the host before their fields."""
        return self.printer.rows(self.text)

    def line(self, row: int) -> bytes:
        """The same of one entry, without its newline."""
        return self.printer.row(self._entries[row])[:-1]

    def frame(self, columns: Sequence[str]) -> pl.DataFrame:
        """The fields `columns` as text, as they are read from `lines`."""
        return table(self.text, self.rows, self.printer, columns)

    def first(self) -> tuple[str, int] | None:
        """Cursor and time of the first entry; None if there is none, or it cannot be read."""
        return last_entry(self.printer.row(self.text[: self.text.find(_END)])) if self else None

    def last(self) -> tuple[str, int] | None:
        """Cursor and time of the last entry that can be read; None if there is none."""
        end = len(self.text)
        while end:
            begin = self._begin(end - len(_END))
            found = last_entry(self.printer.row(self.text[begin:end]))
            if found is not None:
                return found
            end = begin
        return None

    def row_at(self, place: int) -> bytes:
        """The printed row of the entry that lies at `place` in `text`."""
        return self.printer.row(self.text[self._begin(place) : self.text.index(_END, place)])

    def part(self, begin: int, end: int | None = None) -> JournalRows:
        """The rows from `begin` on and before `end`."""
        chosen = self._entries[begin:end]
        text = b"".join(entry + _END for entry in chosen)
        return JournalRows(text, len(chosen), self.printer)

    def _begin(self, place: int) -> int:
        end = self.text.rfind(_END, 0, place)
        return 0 if end < 0 else end + len(_END)

    @property
    def _entries(self) -> Sequence[bytes]:
        return self.text.split(_END)[:-1]


def together(parts: Sequence[JournalRows]) -> JournalRows:
    """All entries of `parts`, of which there is at least one, in order."""
    text = b"".join(part.text for part in parts)
    return JournalRows(text, sum(part.rows for part in parts), parts[0].printer)
