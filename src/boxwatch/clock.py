"""Time: a clock that can be the machine's, a recording's or a test's.

All instants are timezone-aware UTC `datetime`s; tables hold them as microseconds.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time; the only way any part of Boxwatch learns it."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall-clock time of this machine, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to: for replay and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant it was last set to."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Move to `instant`, backwards too: clocks do."""
        self._now = instant

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += timedelta(seconds=seconds)


def to_micros(instant: datetime) -> int:
    """Microseconds since the epoch; exact, unlike `timestamp()` which goes through a float."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The UTC instant `micros` microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=micros)


def monotonic() -> float:
    """Seconds on a clock that never jumps; its zero means nothing."""
    return time.monotonic()
