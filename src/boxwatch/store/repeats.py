"""Records that are stored already: two collections that overlap bring the same lines twice.

An event's id says what it was at its origin, so the same id at the same time is the same event.
Looking for them costs nothing while time moves forward: only lines that are not later than all
lines before them can be repeats.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from boxwatch.events.schema import Events
from boxwatch.store.event_store import EventStore

_INSTANT = timedelta(microseconds=1)


class Repeats:
    """Takes out of a stream of events the lines that `store` holds; `found` counts them."""

    def __init__(self, store: EventStore) -> None:
        self.found = 0
        self._store = store
        self._latest: datetime | None = store.logs().select(pl.col("time").max()).collect().item()

    def without(self, events: Events) -> Events:
        """`events` without repeats, of earlier ones or of each other."""
        logs = events.logs
        if logs.is_empty():
            return events
        first, last = logs["time"].min(), logs["time"].max()
        kept = logs
        if logs["event_id"].n_unique() < logs.height:  # cheap, and nearly always enough
            kept = logs.unique(["host", "time", "event_id"], keep="first", maintain_order=True)
        if self._latest is not None and first <= self._latest:  # type: ignore[operator]
            stored = self._store.logs(first, last + _INSTANT)  # type: ignore[arg-type, operator]
            known = stored.select("host", "time", "event_id").collect()
            kept = kept.join(
                known, on=["host", "time", "event_id"], how="anti", maintain_order="left"
            )
        self.found += logs.height - kept.height
        self._latest = last if self._latest is None else max(self._latest, last)  # type: ignore[type-var, assignment]
        return replace(events, logs=kept)
