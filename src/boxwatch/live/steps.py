"""A long batch in steps: what was collected or stored by the hour is judged as it would be live.

Findings are grouped in the order in which they come to light. In a batch of an hour all lines would
come to light before all windows, so such a batch is handed on some minutes at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, cast

import polars as pl

from boxwatch.events import Events

# A step costs some 50 ms whatever it holds, so that a day in steps of ten minutes costs 7 s more.
_STEP: Final = timedelta(minutes=10)
_WHOLE: Final = timedelta(minutes=15)  # a batch that spans no more than this is one step
_MOST: Final = 480  # steps of one batch; sparse lines of weeks get longer ones
_TICK: Final = timedelta(microseconds=1)
_LOGS: Final = ("host", "source", "subtype", "unit", "container_name")


def steps(
    events: Events, before: datetime | None, now: datetime
) -> Iterator[tuple[Events, datetime]]:
    """`events`, read between `before` and `now`, in steps with the instant each one ends.

    Rows keep their order. A line whose time is earlier than one that came before it from the same
    place belongs to the later one's step: a clock was set back. Samples come metric by metric, so
    theirs is the step of their own time. The last step ends at `now`.
    """
    tables = (events.logs, events.samples)
    times = [cast("datetime", table["time"].min()) for table in tables if table.height]
    first = min(times, default=now)
    low = first if before is None else max(first, before)
    if now - low <= _WHOLE:
        yield events, now
        return
    step = max(_STEP, (now - low) / _MOST)
    reached = pl.col("time").clip(low, now - _TICK)
    logs = _parts(events.logs, reached.cum_max().over(_LOGS), low, step)
    samples = _parts(events.samples, reached, low, step)
    last = (now - _TICK - low) // step
    for number in sorted({*logs, *samples, last}):
        part = Events(
            logs=logs.get(number, events.logs.clear()),
            samples=samples.get(number, events.samples.clear()),
        )
        yield part, now if number == last else low + step * (number + 1)


def _parts(
    frame: pl.DataFrame, reached: pl.Expr, low: datetime, step: timedelta
) -> dict[int, pl.DataFrame]:
    """The rows of `frame` by the number of the step in which the instant `reached` lies."""
    number = (reached - low).dt.total_microseconds() // (step // _TICK)
    numbered = frame.with_columns(number.alias("step"))
    parts = numbered.partition_by("step", as_dict=True, include_key=False, maintain_order=True)
    return {int(number): part for (number,), part in parts.items()}
