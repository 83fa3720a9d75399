"""What AI services say of themselves, from single readings to one row a service and window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

import polars as pl

from boxwatch.events.schema import TIME, Schema
from boxwatch.features import readings, service

SAMPLE: Final[Schema] = {
    "time": TIME,
    "host": pl.String(),
    "entity": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
}


class Meters:
    """Holds the readings of open windows, and the counters to measure growth from.

    Readings come every few seconds, a window may have none: its columns are null, not zero.
    """

    def __init__(self) -> None:
        self._waiting = pl.DataFrame(schema=dict(SAMPLE))
        self._carry = pl.DataFrame(schema=dict(readings.CARRY))

    def take(
        self, samples: pl.DataFrame, closed: datetime | None, boundary: datetime
    ) -> tuple[pl.DataFrame, int]:
        """The readings below `boundary`, and how many of `samples` came after `closed` in vain.

        Args:
            samples: SAMPLE, of `service.METERS` only.
            closed: Where the open windows begin.
            boundary: Where the windows begin that stay open.
        """
        if samples.is_empty() and self._waiting.is_empty():
            return samples, 0
        in_time = samples.filter(pl.col("time") >= closed)
        waiting = pl.concat([self._waiting, in_time])
        self._waiting = waiting.filter(pl.col("time") >= boundary)
        return waiting.filter(pl.col("time") < boundary), samples.height - in_time.height

    def wide(self, ready: pl.DataFrame) -> pl.DataFrame:
        """One row per host, service and window: gauges as means, counters as growth a second."""
        if ready.is_empty():
            columns = {"host": pl.String(), "entity": pl.String(), "start": TIME}
            return pl.DataFrame(schema=columns | dict.fromkeys(service.METERS, pl.Float64()))
        reduced = readings.reduce(ready, service.SERVICE.window_s)
        valued, self._carry = readings.rates(reduced, self._carry)
        return readings.spread(valued, service.METERS, by="max")

    def save(self) -> dict[str, object]:
        """All state: frames."""
        return {"waiting": self._waiting, "carry": self._carry}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._waiting = cast("pl.DataFrame", saved["waiting"])
        self._carry = cast("pl.DataFrame", saved["carry"])
