"""The mix: the usual lines of a service come, but in other proportions.

Cache hits become misses, answers become errors, a line that comes with the work stops while the
work goes on: no line is new, none comes more often than ever, and the service is not silent. What
each service writes is counted by kind, five minutes at a time; `shares` says which two kinds of it
come in shares that were never usual.

What comes while a finding is open is no history, but for its first block: what comes again and
again is usual one day. What has lasted two hours is how things are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from boxwatch.detections.detection import Detection
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.mixed import Mixed, mixed_lines
from boxwatch.detections.logs.mixture import BLOCK_S, Heard, Mixture

_MOST_SERVICES: Final = 1000
_UNHEARD: Final = 3600 // BLOCK_S  # blocks after which a silent service makes room for another
_KEPT: Final = 2  # blocks as they should be, after which it is over
_LEARNT: Final = 1  # blocks of a finding that become history
_LASTING: Final = 7200 // BLOCK_S  # blocks after which it is how things are

_KIND: Final = (
    pl.when(pl.col("status") == "")
    .then(pl.col("template"))
    .otherwise(pl.concat_str("template", pl.lit("\0"), "status"))
)


class MixWatch:
    """Finds services whose lines come in other proportions. All state is in `save()`."""

    def __init__(self, learning: Learning | None = None) -> None:
        self._learning = Learning() if learning is None else learning
        self._services: dict[str, Mixture] = {}  # the longest unheard first
        self._open: dict[str, Mixed] = {}  # by service
        self._settled = 0  # the block before which all blocks were ended

    def add(self, lines: pl.DataFrame, merged: Mapping[int, int]) -> list[Detection]:
        """The findings that opened, grew or ended. `lines` as `LineStream` hands them on.

        `merged` says which template (by id) became part of which: its lines have another name now.
        """
        groups = (
            lines.with_columns(
                (pl.col("at") // BLOCK_S).cast(pl.Int64).alias("cell"), _KIND.alias("kind")
            )
            .group_by("service", "cell", "kind", maintain_order=True)
            .agg(
                pl.len().alias("count"),
                pl.col("at").first(),
                pl.col("event_id").last(),
                pl.col("line").last(),
            )
            .sort("cell", maintain_order=True)
        )
        changed: dict[str, Detection] = {}
        for service, cell, kind, *heard in groups.iter_rows():
            known = self._known(service, cell)
            if known is None:
                continue
            if known.heard and known.cell != cell and not 0 < known.cell - cell < _UNHEARD:
                changed |= {found.id: found for found in self._end(service, known, merged)}
            if not known.heard:
                known.cell = _next(known.cell, cell)
            known.hear(kind, Heard(*heard))
        return list(changed.values())

    def settle(self, until: datetime, merged: Mapping[int, int]) -> list[Detection]:
        """What blocks show that are over at `until`, and the end of what was not heard since."""
        cell = int(until.timestamp() // BLOCK_S)
        if cell == self._settled:
            return []
        self._settled = cell
        changed: dict[str, Detection] = {}
        for service, known in self._services.items():
            if known.heard and known.cell < cell:
                changed |= {found.id: found for found in self._end(service, known, merged)}
        for service, mixed in list(self._open.items()):
            if cell - mixed.cell > _UNHEARD:
                found = self._close(service)
                changed[found.id] = found
        return list(changed.values())

    def _known(self, service: str, cell: int) -> Mixture | None:
        """What is known of `service`; None where there is no room to learn it."""
        known = self._services.pop(service, None)
        if known is None:
            known = Mixture()
            if len(self._services) >= _MOST_SERVICES:
                oldest = next(iter(self._services))
                if cell - self._services[oldest].cell <= _UNHEARD or oldest in self._open:
                    return None
                del self._services[oldest]
        self._services[service] = known
        return known

    def _end(self, service: str, known: Mixture, merged: Mapping[int, int]) -> Iterator[Detection]:
        """What the block under way shows, now that it is over."""
        mixed = self._open.get(service)
        if mixed is not None and known.cell - mixed.cell > _UNHEARD:
            yield self._close(service)
            mixed = None
        kept = () if mixed is None else (mixed.more, mixed.less)
        heard = known.end(merged, kept)
        known.learn(self._learning)
        if mixed is not None:
            yield self._go_on(service, known, mixed, heard)
        else:
            for one in known.unusual()[:1]:
                mixed = self._open[service] = mixed_lines(service, known, one, heard)
                known.aside[-1] = True
                yield mixed.found
        if service not in self._open:
            known.thin()

    def _go_on(
        self, service: str, known: Mixture, mixed: Mixed, heard: Mapping[str, Heard]
    ) -> Detection:
        """What one more block says of an open finding."""
        known.aside[-1] = True
        mixed.aside += 1
        mixed.cell = known.cell
        back = known.back((mixed.more, mixed.less))
        if back is False and not heard.keys().isdisjoint((mixed.more, mixed.less)):
            mixed.kept = 0
            mixed.grow(heard)
        elif back:
            mixed.kept += 1
        gone = not {mixed.more, mixed.less} <= set(known.kinds)
        if gone or mixed.kept >= _KEPT or mixed.aside >= _LASTING:
            return self._close(service)
        return mixed.found

    def _close(self, service: str) -> Detection:
        mixed = self._open.pop(service)
        lasting = mixed.aside >= _LASTING
        known = self._services[service]
        known.settle_aside(_LASTING + 1 if lasting else _LEARNT)
        if lasting:
            known.judged, known.usual = 0, None
        return mixed.found.grown(mixed.found.end, still_open=False)

    def save(self) -> dict[str, object]:
        """All state, JSON-able but for arrays."""
        return {
            "settled": self._settled,
            "services": {name: known.save() for name, known in self._services.items()},
            "open": {name: mixed.save() for name, mixed in self._open.items()},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._settled = saved["settled"]
        self._services = {name: Mixture.load(state) for name, state in saved["services"].items()}
        self._open = {name: Mixed.load(state) for name, state in saved["open"].items()}


def _next(last: int, cell: int) -> int:
    """The block that lines of `cell` belong to: late ones to that after the `last`."""
    return max(cell, last + 1) if last - cell < _UNHEARD else cell
