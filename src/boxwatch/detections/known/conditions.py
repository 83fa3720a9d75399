"""What rules on readings look for: the visible table from a condition's name to its expressions.

A condition works on wide frames: one row per reading of one entity, one column per metric, plus
`before:<metric>` (the last known value before it), `seconds` (time since the row before), `why`
(why the temperature is unknown) and `clock_offset` (wall clock minus monotonic clock, seconds).
What it says of each row: `Condition`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from boxwatch.detections.known import gpu_conditions, host_conditions, service_conditions
from boxwatch.detections.known.condition import Condition, Parameters


def _source_down(parameters: Parameters) -> Condition:
    """A source that fails or hangs: `only` that one, or any but those of `but` (comma between)."""
    up = pl.col("up")
    entities = [f"source:{name}" for name in str(parameters.get("but", "")).split(",")]
    mine = ~pl.col("entity").is_in(entities)
    if "only" in parameters:
        mine = pl.col("entity") == f"source:{parameters['only']}"
    return Condition(
        metric="up",
        bad=mine & (up == 0).fill_null(value=False),
        well=(up != 0).fill_null(value=True),
        values=(pl.col("time").dt.strftime("%H:%M:%S UTC").alias("since"),),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Parameters], Condition]]]] = {
    "host_unreachable": ("ssh", _source_down),
    "source_down": ("source", _source_down),
    **gpu_conditions.CONDITIONS,
    **host_conditions.CONDITIONS,
    **service_conditions.CONDITIONS,
}

# The metrics of each kind's wide frame, and those whose value before is needed.
WIDE: Final[Mapping[str, Sequence[str]]] = {
    "gpu": gpu_conditions.WIDE,
    "host": host_conditions.WIDE,
    "fs": host_conditions.FILE_SYSTEMS,
    "service": service_conditions.WIDE,
    "source": ("up",),
}
BEFORE: Final[Mapping[str, Sequence[str]]] = {
    "gpu": gpu_conditions.BEFORE,
    "host": host_conditions.BEFORE,
    "fs": (),
    "service": service_conditions.BEFORE,
    "source": (),
}
