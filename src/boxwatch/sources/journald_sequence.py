"""Whether journalctl showed every entry: they are numbered, and a cursor tells the number.

journalctl leaves entries out without a word where a file is damaged, or is removed before it was
read; the exit status is 0 (systemd 252).
"""

from __future__ import annotations

from boxwatch.sources.journald_marks import entries_between
from boxwatch.sources.journald_rows import JournalRows


class EntryCount:
    """Counts what came against the numbers of the sequence. `last` is the cursor counted up to.

    The entries of several sequences may come mixed (of many machines, of older files); then more
    comes than the numbers of one of them tell, and what is lost is seen only in part.
    """

    def __init__(self, last: str = "") -> None:
        self.last = last

    def lost(self, rows: JournalRows) -> int:
        """How many entries are missing before the last one of `rows`, which follow `last`."""
        first, end = rows.first(), rows.last()
        if first is None or end is None:
            return 0
        came = rows.rows
        before, self.last = self.last, end[0]
        if before:
            between = entries_between(before, end[0])
            return 0 if between is None else max(0, between + 1 - came)
        between = entries_between(first[0], end[0])
        return 0 if between is None else max(0, between + 2 - came)
