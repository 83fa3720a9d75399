"""Entries on their way: as few chunks, and lines of containers that were cut kept together.

Docker's journald driver cuts a line after 16 KiB; every part but the last has
CONTAINER_PARTIAL_MESSAGE=true.
Parts are joined within one chunk, so the journal's source hands over no line whose end is to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import orjson

from boxwatch.sources.journald_marks import Mark
from boxwatch.sources.journald_rows import JournalRows, together
from boxwatch.sources.outbox import Parcel

_KEPT: Final = 4 << 20  # bytes that wait for the end of a container's line
_MANY: Final = 256 << 10  # bytes from which on a table of its own costs less than printing

_PARTIAL: Final = b"\nCONTAINER_PARTIAL_MESSAGE=true\n"


def first_open(pieces: Sequence[JournalRows | None]) -> tuple[int, int] | None:
    """Where, in `pieces` that are entries or not, the first line begins that has no end there.

    The number of its piece and its row in that; None if every line has its end.
    """
    if not any(_PARTIAL in piece.text for piece in pieces if piece is not None):
        return None
    unfinished: dict[tuple[str, str], tuple[int, int]] = {}
    for number, piece in enumerate(pieces):
        lines = [] if piece is None else piece.lines.splitlines()
        for place, line in enumerate(lines):
            if b'"CONTAINER_ID_FULL"' in line:
                row = orjson.loads(line)
                key = (str(row.get("CONTAINER_ID_FULL")), str(row.get("PRIORITY")))
                if row.get("CONTAINER_PARTIAL_MESSAGE") == "true":
                    unfinished.setdefault(key, (number, place))
                else:
                    unfinished.pop(key, None)
    return min(unfinished.values(), default=None)


def until_open(parcels: Sequence[Parcel]) -> tuple[list[Parcel], list[Parcel]]:
    """`parcels` up to the first line of a container that is not whole, and from there on."""
    rows = [parcel.lines for parcel in parcels]
    place = first_open([one if isinstance(one, JournalRows) else None for one in rows])
    if place is None:
        return list(parcels), []
    number, row = place
    parcel, split = parcels[number], rows[number]
    assert isinstance(split, JournalRows)  # noqa: S101 - narrows the type
    head, tail = split.part(0, row), split.part(row)
    if len(tail) + sum(map(len, rows[number + 1 :])) > _KEPT:
        return list(parcels), []
    before = list(parcels[:number])
    last = head.last()
    if last is not None and isinstance(parcel.mark, Mark):
        before.append(Parcel(parcel.kind, head, Mark(*last, parcel.mark.boots)))
    return before, [replace(parcel, lines=tail), *parcels[number + 1 :]]


def gathered(parcels: Sequence[Parcel]) -> Iterator[Parcel]:
    """`parcels` with neighbouring entries as one; printed where they are few, as most are."""
    for entries, run in groupby(parcels, lambda parcel: isinstance(parcel.lines, JournalRows)):
        if not entries:
            yield from run
            continue
        rows = together([parcel.lines for parcel in run if isinstance(parcel.lines, JournalRows)])
        yield Parcel("systemd", rows if len(rows) >= _MANY else rows.lines)
