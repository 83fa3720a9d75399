"""Where in a journal one stands: cursors, and what the rows that were read tell of them.

A cursor is `s=ID;i=N;b=BOOT;m=US;t=US;x=HASH`: the id of a sequence and the number in it (hex),
boot id, monotonic and real time (hex), a hash of the content; sd_journal_get_cursor(3) leaves the
form open, journal-file.c and sd-journal.c of systemd 205 to 257 have this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from boxwatch.errors import SourceError
from boxwatch.sources.source import Position


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of one machine: their ids, and the time of the last entry of it that was read."""

    machine: str
    id: str
    last_us: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Where to read on: after the entry of `cursor`, or from `realtime_us` where it is empty.

    `boots` are those whose entries were read, in the order in which they were first met.
    """

    cursor: str
    realtime_us: int
    boots: tuple[Boot, ...] = ()


def from_position(position: Position | None) -> Mark | None:
    """What `to_position` wrote; positions of older versions have no boots.

    Raises:
        SourceError: it is no position in a journal.

    """
    if not position:
        return None
    cursor, realtime = position.get("cursor"), position.get("realtime_us")
    boots = position.get("boots", [])
    try:
        if not isinstance(cursor, str) or not isinstance(realtime, int):
            raise TypeError
        known = tuple(Boot(str(m), str(b), int(last)) for m, b, last in boots)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise SourceError(
            f"{dict(position)!r} is not a position in a journal.",
            hint="It needs cursor (text), realtime_us (a whole number) and boots (a list).",
        ) from None
    return Mark(cursor, realtime, known)


def to_position(mark: Mark) -> Position:
    """`mark` as JSON can hold it."""
    boots = [[boot.machine, boot.id, boot.last_us] for boot in mark.boots]
    return {"cursor": mark.cursor, "realtime_us": mark.realtime_us, "boots": boots}


def last_entry(rows: bytes) -> tuple[str, int] | None:
    """Cursor and time of the last readable row; None if there is none."""
    end = len(rows)
    while end > 0:
        start = rows.rfind(b"\n", 0, end - 1) + 1
        try:
            row = orjson.loads(rows[start:end])
            return row["__CURSOR"], int(row["__REALTIME_TIMESTAMP"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            end = start  # cut, or no entry at all
    return None


def boot_of(row: bytes) -> str | None:
    """The boot of a row; None if there is no row."""
    return str(orjson.loads(row).get("_BOOT_ID", "")) if row else None


def same_entry(one: str, other: str) -> bool:
    """True if two cursors mean one entry: the same boot, times and content.

    The sequence number is left out; the same entry has another one in another file.
    """
    ones, others = _parts(one), _parts(other)
    return all(ones.get(key) == others.get(key) for key in "bmtx")


def entries_between(before: str, after: str) -> int | None:
    """How many entries lie between two cursors; None if they are not of one sequence.

    Where not every entry was wanted or could be read (of chosen units, of other users), at most.
    """
    ones, others = _parts(before), _parts(after)
    try:
        distance = int(others["i"], 16) - int(ones["i"], 16)
        return distance - 1 if ones["s"] == others["s"] and distance > 0 else None
    except (KeyError, ValueError):
        return None


def _parts(cursor: str) -> Mapping[str, str]:
    return dict(part.partition("=")[::2] for part in cursor.split(";"))
