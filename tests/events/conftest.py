"""Raw chunks written by hand, and the events they become."""

from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from boxwatch.clock import ManualClock
from boxwatch.events import Events, RawChunk, normalise

NOW = datetime(2024, 6, 1, tzinfo=UTC)

Reader = Callable[..., Events]


@pytest.fixture
def read() -> Reader:
    """Normalise records (dicts) or raw lines (bytes) of one kind, from the host `box`."""

    def normalised(kind: str, *records: dict[str, object] | bytes) -> Events:
        lines = [r if isinstance(r, bytes) else orjson.dumps(r) for r in records]
        chunk = RawChunk(kind, b"".join(line + b"\n" for line in lines), "box", "origin.jsonl")
        return normalise(chunk, ManualClock(NOW))

    return normalised
