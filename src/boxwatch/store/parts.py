"""The Parquet files of the event tables: their names, and which of them count.

A part's name is its range of batches: `00000012.parquet` or `00000001-00000100.parquet`. Where one
part's range covers another's, the wider one was made from the narrower, which no longer counts and
may be removed at leisure. So replacing files needs no step that could be interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from boxwatch.store.layout import MANY, TABLES, Layout, path_name

_NAME: Final = re.compile(r"(\d{8,10})(?:-(\d{8,10}))?\.parquet")


class Partition(NamedTuple):
    """One host's day of one table; `host` is the name as it stands in the path, or MANY."""

    table: str
    date: str
    host: str


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: rows of the batches `first` to `last`, of one partition.

    `rows` is how many, where this process wrote it.
    """

    partition: Partition
    first: int
    last: int
    path: Path
    rows: int | None = field(default=None, compare=False)

    def covers(self, other: Part) -> bool:
        """Whether this part replaces `other` of the same partition."""
        return self is not other and self.first <= other.first and other.last <= self.last


class Span(NamedTuple):
    """The batches `first` to `last`, both included."""

    first: int
    last: int

    def meets(self, part: Part) -> bool:
        """Whether `part` may hold rows of these batches."""
        return part.first <= self.last and self.first <= part.last

    def holds(self, part: Part) -> bool:
        """Whether all rows of `part` are of these batches."""
        return self.first <= part.first and part.last <= self.last


def part_name(first: int, last: int) -> str:
    """The file name of the batches `first` to `last`."""
    return f"{first:08d}.parquet" if first == last else f"{first:08d}-{last:08d}.parquet"


def list_folder(folder: Path, partition: Partition) -> list[Part]:
    """All parts in one partition's folder, superseded ones too, in the order of batches."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in names:
        match = _NAME.fullmatch(name)
        if match:
            first = int(match[1])
            last = first if match[2] is None else int(match[2])
            found.append(Part(partition, first, last, folder / name))
    return sorted(found, key=_order)


def split_superseded(parts: Iterable[Part]) -> tuple[list[Part], list[Part]]:
    """The parts of one partition that count, and those that a wider one replaces."""
    current: list[Part] = []
    superseded: list[Part] = []
    for part in sorted(parts, key=_order):
        # In this order a part can only be covered by one before it, and if it is, then by the
        # last one kept: ranges nest or are disjoint.
        if current and current[-1].covers(part):
            superseded.append(part)
        else:
            current.append(part)
    return current, superseded


def partitions(
    layout: Layout, table: str, dates: tuple[str, str] | None = None, host: str | None = None
) -> Iterator[Partition]:
    """The partitions of `table` on disk, by day and host; `dates` is first and last day.

    With `host`, those that may hold rows of it.
    """
    for folder in sorted((layout.events / table).glob("date=*")):
        date = folder.name.removeprefix("date=")
        if dates is not None and not dates[0] <= date <= dates[1]:
            continue
        names = [MANY, path_name(host)] if host is not None else _hosts(folder)
        yield from (Partition(table, date, name) for name in names)


def folder_of(layout: Layout, partition: Partition) -> Path:
    """Where the parts of `partition` lie."""
    return layout.day(partition.table, partition.date) / f"host={partition.host}"


def list_all(layout: Layout) -> Iterator[list[Part]]:
    """All parts of the store, superseded ones too, one partition at a time."""
    for table in TABLES:
        for partition in partitions(layout, table):
            yield list_folder(folder_of(layout, partition), partition)


def _hosts(day: Path) -> list[str]:
    try:
        names = [entry.name for entry in day.iterdir()]
    except FileNotFoundError:  # retention removed the day in between
        return []
    return sorted(name.removeprefix("host=") for name in names if name.startswith("host="))


def _order(part: Part) -> tuple[int, int]:
    return (part.first, -part.last)
