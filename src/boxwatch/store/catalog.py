"""Which parts count: looked up on disk by a reader, remembered by the writer who makes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from boxwatch.clock import monotonic
from boxwatch.errors import StoreDamaged
from boxwatch.store.durable import PARTIAL
from boxwatch.store.layout import MANY, TABLES, Layout, path_name
from boxwatch.store.parts import (
    Part,
    Partition,
    Span,
    folder_of,
    list_folder,
    partitions,
    split_superseded,
)

_GRACE_S: Final = 60.0  # for readers that listed a folder before its parts were replaced


class Catalog:
    """The current parts of one data folder; the writer's copy stays true without listing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def partitions(
        self, table: str, dates: tuple[str, str] | None = None, host: str | None = None
    ) -> Iterator[Partition]:
        """The partitions of `table` on disk, by day and host; all that may hold `host`."""
        return partitions(self._layout, table, dates, host)

    def parts(self, partition: Partition) -> list[Part]:
        """The parts of `partition` that count, in the order of batches, disjoint."""
        return split_superseded(list_folder(folder_of(self._layout, partition), partition))[0]

    def between(self, table: str, batches: Span) -> list[Part]:
        """Every part of `table` that may hold rows of `batches`."""
        return [
            part
            for partition in self.partitions(table)
            for part in self.parts(partition)
            if batches.meets(part)
        ]

    def forget(self, partition: Partition) -> None:
        """Look at `partition` afresh: something other than the writer changed it."""


class WriterCatalog(Catalog):
    """The catalog of the one process that writes: no listing while it runs.

    Superseded parts are removed a minute after they were replaced, so that a reader who listed
    them has time to read them.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._known: dict[Partition, list[Part]] = {}
        self._superseded: deque[tuple[float, Path]] = deque()
        for table in TABLES:
            for partition in partitions(layout, table):
                self.forget(partition)

    def recover(self, head: int) -> None:
        """Remove what the last writer left half done: partial files, and the batch after `head`.

        Raises:
            StoreDamaged: there are later batches still, so the database has lost some.

        """
        newest = max((parts[-1].last for parts in self._known.values() if parts), default=0)
        if newest > head + 1:
            raise StoreDamaged(
                f"The events go up to batch {newest}, but {str(self._layout.database)!r} "
                f"only to {head}.",
                hint=f"Run `boxwatch repair --data {self._layout.root}`.",
            )
        for folder in self._layout.events.glob("*/date=*/host=*"):
            for path in folder.glob(f"*{PARTIAL}"):
                path.unlink(missing_ok=True)  # a reader's digest may just have become whole
        for known in list(self._known):
            orphans = [part for part in self._known[known] if part.last > head]
            for part in orphans:
                part.path.unlink()
            if orphans:
                self.forget(known)

    def partitions(
        self, table: str, dates: tuple[str, str] | None = None, host: str | None = None
    ) -> Iterator[Partition]:
        """The partitions of `table`, by day and host; with `host`, those that may hold it."""
        names = None if host is None else (MANY, path_name(host))
        for known in sorted(self._known):
            if known.table != table or (dates and not dates[0] <= known.date <= dates[1]):
                continue
            if names is None or known.host in names:
                yield known

    def parts(self, partition: Partition) -> list[Part]:
        """The parts of `partition` that count, in the order of batches, disjoint."""
        return list(self._known.get(partition, ()))

    def all(self) -> Iterator[tuple[Partition, list[Part]]]:
        """Every partition with its parts, without a copy."""
        yield from self._known.items()

    def added(self, part: Part) -> None:
        """Note a part of a newly committed batch."""
        self._known.setdefault(part.partition, []).append(part)

    def replaced(self, merged: Part) -> None:
        """Note a part that replaces those it covers."""
        parts = [*self._known[merged.partition], merged]
        self._known[merged.partition], superseded = split_superseded(parts)
        self._set_aside(superseded)

    def removed(self, day: str, table: str) -> None:
        """Note that a whole day of `table` went."""
        for known in [k for k in self._known if (k.table, k.date) == (table, day)]:
            del self._known[known]

    def forget(self, partition: Partition) -> None:
        """Look at `partition` afresh: something other than the writer changed it."""
        folder = folder_of(self._layout, partition)
        current, superseded = split_superseded(list_folder(folder, partition))
        self._known[partition] = current
        self._set_aside(superseded)

    def sweep(self, *, at_once: bool = False) -> None:
        """Remove the parts that were superseded long enough ago, or all of them."""
        now = monotonic()
        while self._superseded and (at_once or self._superseded[0][0] + _GRACE_S <= now):
            self._superseded.popleft()[1].unlink(missing_ok=True)

    def _set_aside(self, superseded: list[Part]) -> None:
        now = monotonic()
        self._superseded.extend((now, part.path) for part in superseded)
