"""A data folder that holds the log lines a test writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from boxwatch.events.schema import LOGS, Events
from boxwatch.store import EventStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(message: str, minutes: float = 0.0, **columns: object) -> dict[str, object]:
    """One row of `logs`, so many minutes after noon; a container's unless told otherwise."""
    row = {
        "time": NOON + timedelta(minutes=minutes),
        "host": "box",
        "source": "docker",
        "severity": 9,
        "container_name": "api",
        "message": message,
    }
    return row | columns


def stored(root: Path, *batches: Iterable[dict[str, object]]) -> Path:
    """`root` with these batches of lines appended; every line has the next event id."""
    with EventStore.open(root, writable=True) as store:
        number = store.logs().collect().height
        for rows in map(list, batches):
            numbered = [{"event_id": number + n, **row} for n, row in enumerate(rows)]
            number += len(rows)
            logs = pl.DataFrame(numbered, schema=dict(LOGS))
            latest = logs["time"].max()
            store.append(Events(logs=logs), latest if latest is not None else NOON, {})
    return root
