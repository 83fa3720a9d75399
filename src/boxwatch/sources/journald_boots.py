"""Restarts of a system, seen as a change of the boot id in the journal's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from boxwatch.clock import from_micros
from boxwatch.sources.journald_marks import Boot
from boxwatch.sources.journald_rows import JournalRows
from boxwatch.sources.notices import Restart

# Within a string a quote is escaped: this is found where the field is and nowhere else.
_BOOT_LINE: Final = re.compile(rb"^_BOOT_ID=(.*)$", re.MULTILINE)
_BOOT_ID: Final = re.compile(rb'"_BOOT_ID":"([^"\\]*)"')
_FIELD: Final = b"\n_BOOT_ID=%b\n"
_JOURNAL_STOPPED: Final = "d93fb3c9c24d451a97cea615ce59c00b"
_SHUTDOWN: Final = (  # with who says so: others may use the same fields
    ("_PID=1", "UNIT=shutdown.target"),
    ("_UID=0", "MESSAGE_ID=98268866d1d54a499c4e98921d93bc40"),  # logind: the system goes down now
    ("_TRANSPORT=driver", f"MESSAGE_ID={_JOURNAL_STOPPED}"),
)
_SHUTDOWN_US: Final = 900_000_000  # a shutdown that takes longer than a quarter of an hour is none
_REMEMBERED: Final = 64  # boots, so that an older one that is read late is not taken for a restart


class Boots:
    """The boots whose entries were read. `known` is its whole state.

    A journal may hold the entries of many machines: a boot follows one of the same machine.
    """

    def __init__(self, known: Sequence[Boot] = ()) -> None:
        self._known = {boot.id: boot for boot in known}

    @property
    def known(self) -> tuple[Boot, ...]:
        """In the order in which they were first met."""
        return tuple(self._known.values())

    def split(self, rows: bytes) -> Iterator[tuple[bytes, Restart | None]]:
        """`rows` in pieces; with each the restart that its first row shows, or None.

        While a piece is looked at, `known` is what was known at its end.
        """
        ids = set(_BOOT_ID.findall(rows))
        fresh = [one for one in ids if one.decode() not in self._known]
        places = sorted(_row_of(rows, one) for one in fresh)
        begin, restart = 0, None
        for place in places:
            if place > begin:
                self._note(rows[begin:place], ids)
                yield rows[begin:place], restart
            begin, restart = place, self._meet(_seen(rows, place))
        self._note(rows[begin:], ids)
        yield rows[begin:], restart

    def divide(self, entries: JournalRows) -> Iterator[tuple[JournalRows, Restart | None]]:
        """`entries` as `split` splits their rows, which are printed only if a boot is new."""
        ids = _boots(entries)
        if all(one.decode(errors="replace") in self._known for one in ids):
            for one in ids:
                seen = _seen(entries.row_at(entries.text.rfind(_FIELD % one) + 1), 0)
                if seen is not None:
                    self._known[seen.id] = seen
            yield entries, None
            return
        at = 0
        for piece, restart in self.split(entries.lines):
            end = at + piece.count(b"\n")
            yield entries.part(at, end), restart
            at = end

    def _meet(self, boot: Boot | None) -> Restart | None:
        if boot is None:
            return None
        before = [one for one in self._known.values() if one.machine == boot.machine]
        self._known[boot.id] = boot
        for old in list(self._known)[:-_REMEMBERED]:
            del self._known[old]
        if not before:
            return None
        first, last = from_micros(boot.last_us), from_micros(before[-1].last_us)
        return Restart(boot.id, before[-1].id, first, last, None)

    def _note(self, rows: bytes, ids: set[bytes]) -> None:
        """Remember when each of the boots `ids` was last heard of."""
        for one in ids.intersection(name.encode() for name in self._known):
            place = rows.rfind(b'"_BOOT_ID":"' + one + b'"')
            seen = None if place < 0 else _seen(rows, rows.rfind(b"\n", 0, place) + 1)
            if seen is not None:
                self._known[seen.id] = seen


def told_to_stop(rows: bytes, last_us: int) -> bool:
    """Whether the entries that `shutdown_matches` selects say that it was told to stop.

    journald stops too when it is only restarted; then it is not the last to write.
    """
    for line in rows.splitlines():
        entry = orjson.loads(line)
        time = int(entry["__REALTIME_TIMESTAMP"])
        patience = 0 if entry.get("MESSAGE_ID") == _JOURNAL_STOPPED else _SHUTDOWN_US
        if time >= last_us - patience:
            return True
    return False


def shutdown_matches(boot: str) -> list[str]:
    """What selects the entries of a boot that only a shutdown writes, or nearly only."""
    matches = [(f"_BOOT_ID={boot}", *sign) for sign in _SHUTDOWN]
    return [word for match in matches for word in ("+", *match)][1:]


def _boots(entries: JournalRows) -> set[bytes]:
    """The boots of `entries`, of which nearly always all are of one."""
    begin = entries.text.rfind(_FIELD[:-3])
    one = entries.text[begin:].split(b"\n", 2)[1].removeprefix(_FIELD[1:-3]) if begin >= 0 else b""
    if entries.text.count(_FIELD % one) == entries.rows:
        return {one}
    return set(_BOOT_LINE.findall(entries.text))


def _row_of(rows: bytes, boot: bytes) -> int:
    """Where the first row of `boot` begins."""
    return rows.rfind(b"\n", 0, rows.index(b'"_BOOT_ID":"' + boot + b'"')) + 1


def _seen(rows: bytes, place: int) -> Boot | None:
    """The boot that the row at `place` is of, heard of at its time; None if it has no time."""
    entry = orjson.loads(rows[place : rows.index(b"\n", place)])
    try:
        time = int(entry["__REALTIME_TIMESTAMP"])
        from_micros(time)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Boot(str(entry.get("_MACHINE_ID", "")), str(entry["_BOOT_ID"]), time)
