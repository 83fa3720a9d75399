"""Steady growth: how much a level has risen without a pause and without a jump.

A leak grows a little every minute for a long time. A model that loads or goes moves a lot at once,
and ordinary use goes up and down. So a climb adds up the minutes that grow by more than nothing and
by less than a jump, passes over the jumps, and starts again at zero when growth stops.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

_LEAST = 0.0008  # per minute: below this it is noise
_JUMP = 0.06  # per minute: above this something was started or stopped, not leaked
_PATIENCE = 2  # minutes without growth that a climb survives


@dataclass(slots=True)
class Climb:
    """The climb of one level (a ratio 0-1) of one entity, fed window by window."""

    per_minute: int  # windows a minute
    recent: deque[float] = field(default_factory=deque)  # levels of the running minute
    minute_ago: float = math.nan
    risen: float = 0.0
    flat: int = 0

    def add(self, level: float) -> float:
        """Take the next window's level (NaN = unknown, skipped) and return the climb so far."""
        if math.isnan(level):
            return self.risen
        self.recent.append(level)
        if len(self.recent) >= self.per_minute:
            minute = sum(self.recent) / len(self.recent)
            self.recent.clear()
            if not math.isnan(self.minute_ago):
                self._judge(minute - self.minute_ago)
            self.minute_ago = minute
        return self.risen

    def _judge(self, growth: float) -> None:
        if abs(growth) > _JUMP:
            return
        if growth >= _LEAST:
            self.risen += growth
            self.flat = 0
        elif self.risen > 0:
            self.flat += 1
            if self.flat > _PATIENCE:
                self.risen = 0.0
                self.flat = 0

    def save(self) -> dict[str, object]:
        """JSON-able; NaN as null."""
        return {
            "per_minute": self.per_minute,
            "recent": list(self.recent),
            "minute_ago": None if math.isnan(self.minute_ago) else self.minute_ago,
            "risen": self.risen,
            "flat": self.flat,
        }

    @classmethod
    def load(cls, saved: dict[str, object]) -> Climb:
        """The climb that `save` described."""
        state = dict(saved)
        state["recent"] = deque(state["recent"])  # type: ignore[call-overload]
        if state["minute_ago"] is None:
            state["minute_ago"] = math.nan
        return cls(**state)  # type: ignore[arg-type]
