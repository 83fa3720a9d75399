"""Where journalctl has to begin so that nothing is left out, and what can no longer be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from boxwatch.clock import from_micros
from boxwatch.errors import SourceError
from boxwatch.sources.journald_looks import JournalLooks
from boxwatch.sources.journald_marks import (
    Mark,
    boot_of,
    entries_between,
    last_entry,
    same_entry,
)
from boxwatch.sources.notices import Gap


@dataclass(frozen=True, slots=True)
class Place:
    """What tells journalctl where to begin, and what was lost before that place."""

    arguments: Sequence[str]
    gap: Gap | None = None


def since(micros: int) -> str:
    """The argument that begins at a time in microseconds since the epoch."""
    return f"--since=@{micros // 1_000_000}.{micros % 1_000_000:06d}"


async def place_after(looks: JournalLooks, mark: Mark, now: datetime) -> Place:
    """The place right after `mark`; where its entry is gone, that of the first entry left.

    Raises:
        SourceError: as every look does.

    """
    if not mark.cursor:
        return Place([since(mark.realtime_us)])
    try:
        found = await looks.at(mark.cursor)
    except SourceError as error:
        if error.state != "failing":
            raise
        found = await looks.first(since(mark.realtime_us + 1))  # no cursor of any journal
    entry = last_entry(found)
    if entry is not None and same_entry(entry[0], mark.cursor):
        return Place([f"--after-cursor={mark.cursor}"])
    left = await _first_left(looks, mark, found)
    if left is None:
        return Place([since(mark.realtime_us + 1)], _gap(mark, "", now))
    return Place([f"--cursor={left[0]}"], _gap(mark, left[0], from_micros(left[1])))


async def _first_left(looks: JournalLooks, mark: Mark, found: bytes) -> tuple[str, int] | None:
    """The first entry after a mark that is gone; `found` is the first one later than it.

    Of a boot that nothing was read of, everything is new, also what is earlier because the clock
    was behind.
    """
    boot = boot_of(found if found else await looks.last())
    if boot is None or any(known.id == boot for known in mark.boots):
        return last_entry(found)
    return last_entry(await looks.first(f"_BOOT_ID={boot}"))


def _gap(mark: Mark, cursor: str, until: datetime) -> Gap | None:
    """What is missing between `mark` and the entry of `cursor`; None if only what was read."""
    entries = entries_between(mark.cursor, cursor)
    if entries == 0:
        return None
    why = "the journal is another one now" if entries is None else "the journal has dropped them"
    return Gap(from_micros(mark.realtime_us), until, entries, why)
