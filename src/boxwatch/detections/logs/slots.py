"""What each kind of line did in each ten seconds, and how long its host was watched by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, Final, NamedTuple

import polars as pl

from boxwatch.detections.logs.beats import Gap
from boxwatch.detections.logs.stream import SLOT_S

_FEW: Final = 8  # lines of one kind in ten seconds that are looked at one by one
_PAUSE_S: Final = 600.0  # a longer pause of a host counts as so long: nobody may have watched
_SET_BACK_S: Final = 3600.0  # a clock that went back so far will not come up again soon


class Group(NamedTuple):
    """What one kind of line of one service did in one slot. Times in seconds since the epoch."""

    service: str
    template: str
    slot: int
    begins: list[float]  # of the first few lines,
    places: list[int]  # and their places among the lines of the service in this turn
    end: float
    last: int  # place
    heard: int
    event_id: int
    process: str
    line: str
    fails: bool

    @property
    def host(self) -> str:
        """Whose service it is."""
        return self.service.partition("\0")[0]

    @property
    def begin(self) -> float:
        """When it came first."""
        return self.begins[0]

    def gaps(self) -> Iterator[Gap]:
        """How far apart its lines are, in seconds and in other lines."""
        for (at, place), (then, other) in pairwise(zip(self.begins, self.places, strict=True)):
            yield then - at, other - place - 1


def slots(lines: pl.DataFrame) -> Iterator[list[Group]]:
    """`lines` by slot, service and kind: the groups of each slot, slots in their order."""
    groups = (
        lines.with_columns(
            (pl.col("at") // SLOT_S).cast(pl.Int64).alias("slot"),
            pl.int_range(pl.len()).over("service").alias("place"),
        )
        .group_by("service", "template", "slot", maintain_order=True)
        .agg(
            pl.col("at").head(_FEW).alias("begins"),
            pl.col("place").head(_FEW).alias("places"),
            pl.col("at").last().alias("end"),
            pl.col("place").last().alias("last"),
            pl.len().alias("heard"),
            pl.col("event_id").last(),
            pl.col("process").last(),
            pl.col("line").last(),
            pl.col("fails").any(),
        )
        .sort("slot", maintain_order=True)
    )
    rows = (Group(*row) for row in groups.iter_rows())
    for _, slot in groupby(rows, key=attrgetter("slot")):
        yield list(slot)


class WatchedClocks:
    """How many seconds of each host were watched: they go on with its lines."""

    def __init__(self) -> None:
        self._clocks: dict[str, tuple[float, float]] = {}  # host -> (latest time, seconds)

    def go_on(self, slot: Sequence[Group]) -> dict[str, float]:
        """What to add to the times of one slot to have watched seconds, by host."""
        begins: dict[str, float] = {}
        ends: dict[str, float] = {}
        for group in slot:
            begins[group.host] = min(begins.get(group.host, group.begin), group.begin)
            ends[group.host] = max(ends.get(group.host, group.end), group.end)
        offsets = {}
        for host, begin in begins.items():
            latest, seconds = self._clocks.get(host, (begin, 0.0))
            if begin < latest - _SET_BACK_S:
                latest = begin
            seconds += min(max(begin - latest, 0.0), _PAUSE_S)
            offsets[host] = seconds - max(begin, latest)
            end = max(ends[host], latest)
            self._clocks[host] = (end, end + offsets[host])
        return offsets

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {host: list(pair) for host, pair in self._clocks.items()}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._clocks = {host: (at, seconds) for host, (at, seconds) in saved.items()}
