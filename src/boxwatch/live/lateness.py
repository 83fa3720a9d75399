"""Records that come late or from the future: kept, counted, and marked so that a person finds them.

A record is late when the window it belongs to had closed before it came, and early when it is from
the future although its host's clock is known. Log rows carry `late_seconds` or `early_seconds` in
their attributes; readings are counted only. What is read while we catch up ourselves is not late.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch import pulse
from boxwatch.clock import EPOCH
from boxwatch.events import Events
from boxwatch.live.clocks import AHEAD, Clocks, in_our_time

_STEP: Final = timedelta(seconds=5)  # windows of readings; those of lines close later


class Lateness:
    """Marks what is out of time, turn by turn.

    Args:
        lateness_s: How long a record may take to come.
    """

    def __init__(self, lateness_s: float) -> None:
        self._allowed = timedelta(seconds=lateness_s)
        self._clocks = Clocks()
        self._before: datetime | None = None  # when we last were up to date

    def add(self, events: Events, now: datetime, *, behind: bool) -> Events:
        """`events`, read until `now`; `behind`: there is more that was written before."""
        self._clocks.measure(events.samples)
        ours = in_our_time(events, self._clocks.offsets) if self._clocks.offsets else events
        counted: dict[str, Counter[str]] = {"late": Counter(), "early": Counter()}
        for name, reached in (("late", self._closed()), ("early", now + AHEAD)):
            if reached is None:
                continue
            logs, samples = (
                _out_of_time(frame, name, reached) for frame in (ours.logs, ours.samples)
            )
            for frame, out in ((ours.logs, logs), (ours.samples, samples)):
                if out is not None:
                    counted[name].update(frame["host"].filter(out).fill_null("").to_list())
            if logs is not None:
                by = (now - ours.logs["time"]).dt.total_seconds().abs()
                events = replace(events, logs=_marked(events.logs, logs, f"{name}_seconds", by))
        for host in sorted({*counted["late"], *counted["early"]}):
            late, early = counted["late"][host], counted["early"][host]
            pulse.emit(pulse.RowsOutOfTime(host, late, early))
        self._before = self._before if behind else now
        return events

    def _closed(self) -> datetime | None:
        """Where the windows began that were open when the last turn ended."""
        if self._before is None:
            return None
        return EPOCH + (self._before - self._allowed - EPOCH) // _STEP * _STEP


def _out_of_time(frame: pl.DataFrame, name: str, reached: datetime) -> pl.Series | None:
    """Which rows are; None where none is, which is nearly always."""
    time = frame["time"]
    out = time < reached if name == "late" else time > reached
    return out if out.any() else None


def _marked(logs: pl.DataFrame, out: pl.Series, name: str, by: pl.Series) -> pl.DataFrame:
    """`logs` with `name` among the attributes of the rows `out`."""
    said = pl.col("attributes").str.strip_suffix("}")
    said = pl.when(said.str.len_bytes() > 1).then(said + ",").otherwise(pl.lit("{"))
    told = pl.concat_str(said.fill_null("{"), pl.lit(f'"{name}":'), by.cast(pl.String), pl.lit("}"))
    mark = pl.when(out).then(told).otherwise("attributes").alias("attributes")
    return logs.rechunk().with_columns(mark)
