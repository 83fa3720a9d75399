"""Clocks that are wrong: what a host says is judged in the time of the watcher.

A host's offset is measured by whoever reads it (`clock_offset_seconds`, positive = its clock is
ahead of ours). From one second on, the times of its records are moved by it before they are judged,
so that its windows close when everyone's do, what it says lies beside what is read of it with our
clock (its GPUs, its sources), and incidents of several hosts are in order. The store keeps every
record with the time it came with. What an incident says of times is ours, and it says so.

A clock that jumped between two readings was right before and is wrong since, or the other way
round: until its offset is measured anew, its records may be out of order, and findings of that time
say so.

An offset is held until it has moved by half a second: measurements tremble, and readings must not
wander between windows. A record from the future that no offset explains is judged as of now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch.detections import Detection
from boxwatch.detections.detection import Reason
from boxwatch.events import Events
from boxwatch.events.notices import CLOCK_JUMP

OFFSET: Final = "clock_offset_seconds"
AHEAD: Final = timedelta(seconds=5)  # a record may be so far from the future

_WRONG: Final = 1.0  # seconds from which a clock is wrong
_RIGHT: Final = 0.5  # seconds below which it is right again
_MOVED: Final = 0.5  # seconds by which an offset must move to be another one
_OWN: Final = ("systemd", "docker", "host", "kernel", "file")  # records with the host's own time
_AROUND: Final = timedelta(minutes=1)  # of a finding, in which a jump may disorder its records
_OURS: Final = (OFFSET, "up")  # readings that are taken with our clock
_STATUS: Final = "status"  # as are lines about our sources


class Clocks:
    """Knows the clocks that are wrong. All state is in `save()`."""

    def __init__(self) -> None:
        self.offsets: dict[str, float] = {}  # seconds, of hosts whose clock is wrong
        self.early_rows = 0
        self.jumps: dict[str, tuple[datetime, str]] = {}  # when seen, and in words, the last ones

    def add(self, events: Events, now: datetime) -> Events:
        """`events` as they are to be judged at `now`."""
        self.measure(events.samples)
        self._notice(events.logs, now)
        if self.offsets:
            events = in_our_time(events, self.offsets)
            measured = (pl.col("metric") == OFFSET) & pl.col("host").is_in(list(self.offsets))
            at = pl.when(measured).then(pl.lit(now)).otherwise("time").alias("time")
            events = replace(events, samples=events.samples.with_columns(_like(at)))
        logs, samples = self._not_early(events.logs, now), self._not_early(events.samples, now)
        return replace(events, logs=logs, samples=samples)

    def told(self, found: Sequence[Detection]) -> list[Detection]:
        """`found`, each saying so where its host's clock is wrong or jumped meanwhile."""
        return [replace(one, reasons=(*one.reasons, *self._reasons(one))) for one in found]

    def _reasons(self, one: Detection) -> list[Reason]:
        reasons = []
        if one.host in self.offsets:
            reasons.append(_reason(self.offsets[one.host]))
        seen, words = self.jumps.get(one.host, (None, ""))
        if seen is not None and one.start - _AROUND <= seen <= one.end + _AROUND:
            reasons.append(Reason(f"records may be out of order: {words}", entity="host"))
        return reasons

    def _notice(self, logs: pl.DataFrame, now: datetime) -> None:
        """Take the jumps that were told."""
        told = logs.filter(pl.col("subtype") == CLOCK_JUMP)
        for host, message in told.select("host", "message").iter_rows():
            self.jumps[host] = (now, message)

    def measure(self, samples: pl.DataFrame) -> None:
        """Take the offsets among `samples`."""
        measured = samples.filter((pl.col("metric") == OFFSET) & pl.col("value").is_not_null())
        for host, offset in measured.select("host", "value").iter_rows():
            held = self.offsets.get(host, 0.0)
            if abs(offset) < (_RIGHT if held else _WRONG):
                self.offsets.pop(host, None)
            elif abs(offset - held) >= _MOVED:
                self.offsets[host] = offset

    def _not_early(self, frame: pl.DataFrame, now: datetime) -> pl.DataFrame:
        early = frame["time"] > now + AHEAD
        if not early.any():
            return frame
        self.early_rows += int(early.sum())
        at = pl.when(early).then(pl.lit(now)).otherwise("time").alias("time")
        return frame.with_columns(_like(at))

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        jumps = {host: [seen.isoformat(), words] for host, (seen, words) in self.jumps.items()}
        return {"offsets": dict(self.offsets), "early_rows": self.early_rows, "jumps": jumps}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self.offsets = dict(saved["offsets"])  # type: ignore[call-overload]
        self.early_rows = int(saved["early_rows"])  # type: ignore[call-overload]
        jumps: Mapping[str, tuple[str, str]] = saved.get("jumps", {})  # type: ignore[assignment]
        for host, (at, said) in jumps.items():
            self.jumps[host] = (datetime.fromisoformat(at), said)


def in_our_time(events: Events, offsets: Mapping[str, float]) -> Events:
    """`events` with the own times of the hosts of `offsets` (seconds) moved to ours."""
    known = pl.col("host").is_in(list(offsets)) & pl.col("source").is_in(_OWN)
    shift = pl.col("host").replace_strict(offsets, default=0.0, return_dtype=pl.Float64)
    moved = _like(pl.col("time") - pl.duration(microseconds=(shift * 1e6).round().cast(pl.Int64)))
    taken = known & ~pl.col("metric").is_in(_OURS)
    # The monotonic clock goes along: a jump is the wall clock's move against it, not ours.
    monotonic = taken & (pl.col("metric") == "clock_monotonic_seconds")
    return replace(
        events,
        logs=events.logs.with_columns(
            pl.when(known & (pl.col("subtype") != _STATUS))
            .then(moved)
            .otherwise("time")
            .alias("time")
        ),
        samples=events.samples.with_columns(
            pl.when(taken).then(moved).otherwise("time").alias("time"),
            pl.when(monotonic).then(pl.col("value") - shift).otherwise("value").alias("value"),
        ),
    )


def _like(time: pl.Expr) -> pl.Expr:
    return time.cast(pl.Datetime("us", "UTC"))


def _reason(offset: float) -> Reason:
    way = "ahead of" if offset > 0 else "behind"
    shown = "later" if offset > 0 else "earlier"
    text = (
        f"times here are the watcher's: the host's own clock is {abs(offset):.0f} s {way} it, "
        f"its own logs show them {shown} by as much"
    )
    return Reason(text, entity="host", metric=OFFSET)
