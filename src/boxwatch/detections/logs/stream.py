"""The lines of services in the order in which they were written, ten seconds at a time.

Lines of several sources come in turns, each up to some time late. Here they wait until the ten
seconds that they belong to are over, so that what is said of their order and rate does not depend
on the turns in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from boxwatch.clock import EPOCH, to_micros
from boxwatch.detections.detection import LONGEST_LINE
from boxwatch.detections.logs.failing import fails
from boxwatch.events.schema import TIME, Schema

SLOT_S: Final = 10

_SLOT: Final = timedelta(seconds=SLOT_S)
_EVENT: Final = "event"  # what Docker says about a container is not a line of the container
_STILL_S: Final = 30.0  # a longer pause of a host counts as so long: nobody may have watched
_SET_BACK_S: Final = 3600.0  # a clock that went back so far will not come up again soon

_HELD: Final[Schema] = {
    "time": TIME,
    "host": pl.String(),
    "entity": pl.String(),
    "severity": pl.UInt8(),
    "container_id": pl.String(),
    "attributes": pl.String(),
    "message": pl.String(),
    "event_id": pl.UInt64(),
    "template": pl.String(),
}
# An id that stands for itself, or one that a word before it makes one.
_PLAIN_ID: Final = (
    r"(?i-u)(\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|blk_-?[0-9]+"
    r"|\b(?:req|request|chatcmpl|cmpl|job|task|trace|txn)-[0-9a-z]*[0-9][0-9a-z-]*"
    r"|\b[0-9a-f]{12,64}\b)"
)
_NAMED_ID: Final = (
    r"(?i-u)\b(?:request|req|session|job|task|trace|txn|transaction|connection|conn|port|run)"
    r"(?:[ _-]?id)?[ =:#\x22\[(]{1,4}([0-9a-z_-]*[0-9][0-9a-z_-]*)"
)
# What a server answered, in access lines: its number is masked, so the template does not tell it.
_STATUS: Final = (
    r"(?i-u)(?:\bHTTP/[0-9.]+\x22 |\[GIN\] [ -{]{1,40}\| +|\bstatus(?:[_ ]?code)?\x22?[=:] ?\x22?)"
    r"([1-5])[0-9]{2}\b"
)
_PID: Final = r'"pid":\s*"?([0-9]+)'


class LineStream:
    """Holds lines until their order is certain. All state is in `save()`.

    Args:
        lateness_s: How long a line may take to come.
    """

    def __init__(self, lateness_s: float = 1.0) -> None:
        self.until: datetime | None = None  # everything before was handed on
        self._wait = timedelta(seconds=2 * lateness_s)
        self._held: list[pl.DataFrame] = []
        self._clocks: dict[str, tuple[float, float]] = {}  # host -> (latest time, its clock), s

    def add(self, logs: pl.DataFrame, now: datetime) -> pl.DataFrame | None:
        """The lines whose ten seconds are over at `now`, in order; None if there are none.

        `logs` carry `entity` and `template`. What is handed on has, beside these, `service` (host
        and entity), `clock` (seconds of the host in which anything was said), `fails`, `session`
        (an id in the line, or null), `process` and `status` (the first digit of what a server
        answered, or empty).
        """
        lines = logs.filter(pl.col("entity").is_not_null() & (pl.col("subtype") != _EVENT))
        if not lines.is_empty():
            self._held.append(lines.select(list(_HELD)))
        boundary = EPOCH + (now - self._wait - EPOCH) // _SLOT * _SLOT
        if self.until is not None and boundary <= self.until < boundary + timedelta(hours=1):
            return None
        self.until = boundary
        if not self._held:
            return None
        waiting = pl.concat(self._held)
        due = waiting.filter(pl.col("time") < boundary)
        rest = waiting.filter(pl.col("time") >= boundary)
        self._held = [] if rest.is_empty() else [rest]
        return None if due.is_empty() else self._told(due.sort("time", maintain_order=True))

    def _told(self, due: pl.DataFrame) -> pl.DataFrame:
        seconds = due["time"].dt.timestamp("us") / 1e6
        known = due.with_columns(seconds.alias("at"))
        clocked = known.with_columns(self._clock(known).alias("clock"))
        return clocked.select(
            "time",
            "at",
            "clock",
            "host",
            "entity",
            "template",
            "event_id",
            pl.concat_str("host", pl.lit("\0"), "entity").alias("service"),
            fails().alias("fails"),
            pl.coalesce(
                pl.col("message").str.extract(_PLAIN_ID),
                pl.col("message").str.extract(_NAMED_ID),
            ).alias("session"),
            pl.coalesce(
                pl.col("container_id").str.slice(0, 12),
                pl.col("attributes").str.extract(_PID),
                pl.lit(""),
            ).alias("process"),
            pl.col("message").str.extract(_STATUS).fill_null("").alias("status"),
            pl.col("message").fill_null("").str.slice(0, LONGEST_LINE).alias("line"),
        )

    def _clock(self, lines: pl.DataFrame) -> pl.Series:
        """The clock of each line's host: it goes on with its lines, and not over long pauses."""
        before = lines["host"].unique(maintain_order=True).to_list()
        latest = {host: self._clocks.get(host, (None, 0.0)) for host in before}
        lowest = dict(lines.group_by("host").agg(pl.col("at").min()).iter_rows())
        starts = {
            host: lowest[host] if known is None or lowest[host] < known - _SET_BACK_S else known
            for host, (known, _) in latest.items()
        }
        base = {host: clock for host, (_, clock) in latest.items()}
        start = pl.col("host").replace_strict(starts, return_dtype=pl.Float64)
        reached = pl.max_horizontal(pl.col("at").cum_max().over("host"), start)
        told = lines.with_columns(reached.alias("reached")).with_columns(
            (pl.col("reached") - pl.col("reached").shift(1).over("host").fill_null(start))
            .clip(0.0, _STILL_S)
            .alias("step")
        )
        clocked = told.with_columns(
            pl.col("step").cum_sum().over("host")
            + pl.col("host").replace_strict(base, return_dtype=pl.Float64)
        )
        ends = clocked.group_by("host", maintain_order=True).agg(
            pl.col("reached").last(), pl.col("step").last()
        )
        self._clocks |= {host: (at, clock) for host, at, clock in ends.iter_rows()}
        return clocked["step"]

    def save(self) -> dict[str, object]:
        """All state, JSON-able but for one frame."""
        held = pl.concat(self._held) if self._held else pl.DataFrame(schema=dict(_HELD))
        return {
            "until": None if self.until is None else to_micros(self.until),
            "held": held,
            "clocks": {host: list(pair) for host, pair in self._clocks.items()},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        until = saved["until"]
        self.until = None if until is None else EPOCH + timedelta(microseconds=until)
        self._held = [] if saved["held"].is_empty() else [saved["held"]]
        self._clocks = {host: (at, clock) for host, (at, clock) in saved["clocks"].items()}
