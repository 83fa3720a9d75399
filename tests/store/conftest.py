"""Small batches of made-up records, and an open store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from boxwatch.events.schema import LOGS, QUARANTINE, SAMPLES, Events
from boxwatch.store import EventStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

MakeEvents = Callable[..., Events]


def made_events(
    number: int = 1, hosts: tuple[str | None, ...] = ("box",), rows: int = 4, days: int = 0
) -> Events:
    """`rows` logs and samples, the hosts in turn, that name `number` in message and value."""
    time = NOON + timedelta(days=days, seconds=number)
    host = [hosts[row % len(hosts)] for row in range(rows)]
    blank = [None] * rows
    logs = dict.fromkeys(LOGS, blank) | {
        "time": [time] * rows,
        "host": host,
        "source": ["app"] * rows,
        "message": [f"batch {number} row {row}" for row in range(rows)],
        "event_id": [number * 10_000 + row for row in range(rows)],
    }
    samples = dict.fromkeys(SAMPLES, blank) | {
        "time": [time] * rows,
        "host": host,
        "source": ["host"] * rows,
        "entity": ["host"] * rows,
        "metric": ["load1"] * rows,
        "value": [number + row / 1000 for row in range(rows)],
    }
    return Events(
        pl.DataFrame(logs, schema=dict(LOGS)), pl.DataFrame(samples, schema=dict(SAMPLES))
    )


def made_quarantine(rows: int, record: str = "{") -> pl.DataFrame:
    """`rows` records that nobody understood."""
    row = {"time": NOON, "kind": "gpu", "origin": "a@0", "reason": "not JSON", "record": record}
    return pl.DataFrame([row] * rows, schema=dict(QUARANTINE))


@pytest.fixture(scope="session")
def make_events() -> MakeEvents:
    """`made_events`, for modules that cannot import this one."""
    return made_events


@pytest.fixture(scope="session")
def make_quarantine() -> Callable[..., pl.DataFrame]:
    """`made_quarantine`, for modules that cannot import this one."""
    return made_quarantine


@pytest.fixture(scope="session")
def noon() -> datetime:
    """The instant around which the records are."""
    return NOON


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a data folder may be made."""
    return tmp_path / "data"


@pytest.fixture
def store(root: Path) -> Iterator[EventStore]:
    """An empty store, open for writing."""
    with EventStore.open(root, writable=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def fill() -> Callable[..., None]:
    """Append `count` small batches, the last one an hour of day `days` after noon."""

    def append(store: EventStore, count: int, days: int = 0, **what: object) -> None:
        for _ in range(count):
            number = store.head().seq + 1
            events = made_events(number, days=days, **what)
            store.append(events, NOON + timedelta(days=days, seconds=number), {"s": {"n": number}})

    return append
