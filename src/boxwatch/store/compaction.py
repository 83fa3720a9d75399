"""Merging the small parts of one partition into wider ones, so that files stay few.

Sixteen neighbours of about one size become one part that covers them. Two steps up from a live
turn's part (7 KB) the parts hold some hundred thousand rows (1 MB) and are left alone: a merge of
those would stall the live loop, and a scan of sixty files a day is quick. So every row is rewritten
at most twice (size-tiered compaction, as in Bigtable, OSDI 2006, section 5.4). A turn of fifty
hosts is 27,000 rows: four of these are merged, once, and stay ordered by host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from boxwatch.clock import monotonic
from boxwatch.store.catalog import WriterCatalog
from boxwatch.store.layout import MANY, Layout
from boxwatch.store.part_files import count_rows, write_part
from boxwatch.store.parts import Part, Partition, folder_of, part_name
from boxwatch.store.reading import Reader

FAN: Final = 16  # parts that become one
_TIERS: Final = (48 * 1024, 128 * 1024)  # bytes below which a part is of the tier
_WHOLE: Final = 100_000  # rows of many hosts that are enough for a part: merging more takes memory
_LOOK: Final = 4  # new parts of many hosts after which it is worth looking


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one call did: parts merged away and parts made. Both 0: nothing was due."""

    merged: int = 0
    made: int = 0


class Compactor:
    """Finds runs of parts worth merging; remembers when each partition is worth another look."""

    def __init__(self, layout: Layout, reader: Reader) -> None:
        self._layout = layout
        self._reader = reader
        self._due: dict[Partition, int] = {}  # the number of parts at which to look again

    def run(self, catalog: WriterCatalog, budget_s: float) -> Compacted:
        """Merge runs until the budget is half used (the next merge may take the other half)."""
        started = monotonic()
        merged = made = 0
        catalog.sweep()
        while made == 0 or monotonic() - started < budget_s / 2:
            run = self._next(catalog)
            if run is None:
                break
            self._merge(catalog, run)
            merged += len(run)
            made += 1
        return Compacted(merged, made)

    def _next(self, catalog: WriterCatalog) -> list[Part] | None:
        for partition, parts in catalog.all():
            many = partition.host == MANY
            if len(parts) < self._due.get(partition, _LOOK if many else FAN):
                continue
            run, missing = _run_of_many(parts) if many else _run(parts)
            if run:
                self._due[partition] = 0
                return run
            self._due[partition] = len(parts) + missing
        return None

    def _merge(self, catalog: WriterCatalog, run: list[Part]) -> None:
        partition, first, last = run[0].partition, run[0].first, run[-1].last
        frames = self._reader.whole(run)
        if self._reader.damaged(run):  # it must not be covered, and so swept, where it lies
            self._due[partition] = len(catalog.parts(partition)) + FAN
            return
        path = folder_of(self._layout, partition) / part_name(first, last)
        rows = pl.concat(frames)
        write_part(path, rows.sort("host", maintain_order=True) if partition.host == MANY else rows)
        catalog.replaced(Part(partition, first, last, path, rows.height))


def _run(parts: list[Part]) -> tuple[list[Part], int]:
    """The oldest run of neighbours to merge; or none, and how many more parts could make one."""
    sizes = [_size(part) for part in parts]
    trailing = 0
    for tier in _TIERS:
        run: list[Part] = []
        for part, size in zip(parts, sizes, strict=True):
            run = [*run, part] if size < tier else []
            if len(run) == FAN:
                return run, 0
        trailing = max(trailing, len(run))
    return [], FAN - trailing


def _run_of_many(parts: list[Part]) -> tuple[list[Part], int]:
    """As `_run`, of parts of many hosts: by their rows."""
    run: list[Part] = []
    rows = 0
    for part in parts:
        own = _rows(part)
        if own > _WHOLE // 2:
            run, rows = [], 0
            continue
        run, rows = [*run, part], rows + own
        if len(run) == FAN or rows >= _WHOLE:
            return run, 0
    return [], _LOOK


def _rows(part: Part) -> int:
    """The rows of `part`; one that was merged before this process began is taken for whole."""
    if part.rows is not None:
        return part.rows
    return _WHOLE if part.first != part.last else count_rows(part.path)


def _size(part: Part) -> int:
    try:
        return part.path.stat().st_size
    except FileNotFoundError:
        return 0
