"""How long has been watched: what is forgotten is forgotten by this, not by the calendar.

A watcher that was off for a week has heard of nobody for a week, and nobody is gone for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

FORGET_S: Final = 3 * 86400.0  # an entity not heard of for so long is not there any more

_PAUSE: Final = timedelta(hours=1)  # a longer gap was not watched: it counts for so much


class Watched:
    """Seconds that were watched, by the times of what came."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._newest: datetime | None = None

    def until(self, instant: datetime) -> float:
        """Watched up to `instant`; returns the seconds in all."""
        if self._newest is None:
            self._newest = instant
        elif instant > self._newest:
            self.seconds += min(instant - self._newest, _PAUSE).total_seconds()
            self._newest = instant
        return self.seconds

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        newest = None if self._newest is None else self._newest.isoformat()
        return {"seconds": self.seconds, "newest": newest}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self.seconds, newest = saved["seconds"], saved["newest"]
        self._newest = None if newest is None else datetime.fromisoformat(newest)
