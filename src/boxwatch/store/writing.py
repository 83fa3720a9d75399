"""Turning one batch into parts: one file per table, day and host, or of many hosts together.

Fifty hosts that each say a little every five seconds would be a hundred files a turn, each with its
two fsyncs (200 ms), and twelve thousand in ten minutes. Small rows of several hosts therefore go
into one file, by host, so that a reader of one host passes over the others' row groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.errors import StoreError
from boxwatch.events.schema import Events, check
from boxwatch.store.layout import MANY, TABLES, Layout, path_name
from boxwatch.store.part_files import SCHEMAS, write_part
from boxwatch.store.parts import Part, Partition, folder_of, part_name

_FEW: Final = 20_000  # rows of a host in a batch from which it gets a file of its own


class BatchWriter:
    """Writes the parts of a batch, and takes them back if the batch does not come to be."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._leftovers: list[Path] = []

    def write(self, seq: int, now: datetime, events: Events) -> list[Part]:
        """Write the parts of batch `seq`; a row without a time belongs to the day of `now`.

        Raises:
            StoreFull: no room; nothing of the batch is left.
            SchemaError: a table is not as declared.

        """
        self.take_back([])
        frames = {
            table: check(getattr(events, table), SCHEMAS[table], "EventStore.append")
            for table in TABLES
        }
        parts: list[Part] = []
        try:
            for table, frame in frames.items():
                for partition, rows in _split(table, frame, now):
                    path = folder_of(self._layout, partition) / part_name(seq, seq)
                    parts.append(Part(partition, seq, seq, path, rows.height))
                    write_part(path, rows.with_columns(pl.lit(seq, pl.UInt32).alias("seq")))
        except BaseException:
            with suppress(StoreError):
                self.take_back(parts)
            raise
        return parts

    def take_back(self, parts: list[Part]) -> None:
        """Remove `parts`, and whatever could not be removed before.

        The next batch has the same number: a part left behind would become a part of it.

        Raises:
            StoreError: one cannot be removed; nothing is written until it can.

        """
        self._leftovers += [part.path for part in parts]
        while self._leftovers:
            path = self._leftovers[-1]
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(
                    f"Cannot remove {str(path)!r} of an unfinished batch: {error.strerror}.",
                    hint="Check the mount of the data folder.",
                ) from error
            self._leftovers.pop()


def _split(
    table: str, frame: pl.DataFrame, now: datetime
) -> Iterator[tuple[Partition, pl.DataFrame]]:
    """The rows of each day and host, in order; `row` tells the place in the whole frame."""
    if frame.is_empty():
        return
    frame = frame.with_columns(
        pl.lit(0, pl.UInt32).alias("seq"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")
    )
    only = _only_partition(table, frame)
    if only is not None:  # the usual turn: one machine, one day
        yield only, frame
        return
    today = now.date().isoformat()
    marked = frame.with_columns(
        pl.col("time").dt.date().cast(pl.String).fill_null(today).alias("day")
    )
    for (day,), rows in marked.partition_by("day", as_dict=True, include_key=False).items():
        if rows.height < _FEW * rows["host"].n_unique():
            many = Partition(table, str(day), MANY)
            yield many, rows.sort("host", maintain_order=True)
        else:
            yield from _by_host(table, str(day), rows)


def _by_host(table: str, day: str, rows: pl.DataFrame) -> Iterator[tuple[Partition, pl.DataFrame]]:
    by_name: dict[str, list[pl.DataFrame]] = {}
    for (host,), group in rows.partition_by("host", as_dict=True).items():
        by_name.setdefault(path_name(None if host is None else str(host)), []).append(group)
    for name, groups in by_name.items():  # an unknown and an empty host share a folder
        together = groups[0] if len(groups) == 1 else pl.concat(groups).sort("row")
        yield Partition(table, day, name), together


def _only_partition(table: str, frame: pl.DataFrame) -> Partition | None:
    """The partition that all rows belong to, if it is one; ten times quicker than grouping."""
    time, host = pl.col("time"), pl.col("host")
    earliest, latest, low, high, unknown = frame.select(
        time.min().dt.date().alias("earliest"),
        time.max().dt.date().alias("latest"),
        host.min().alias("low"),
        host.max().alias("high"),
        (time.null_count() + host.null_count()).alias("unknown"),
    ).row(0)
    if unknown or earliest != latest or low != high:
        return None
    return Partition(table, earliest.isoformat(), path_name(low))
