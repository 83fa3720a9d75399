"""Steady growth: how much a level has risen without a pause, a jump or a burst.

A leak grows about as much every minute for a long time. A model that loads or goes moves a lot at
once, and ordinary use goes up and down or grows in bursts. So a climb is the number of its minutes,
once there are some, times their median growth; it passes over jumps, and starts again at zero when
growth stops or what had grown is given back: a cache that fills and empties leaks nothing.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

_LEAST = 0.0008  # per minute: below this it is noise
_JUMP = 0.06  # per minute: above this something was started or stopped, not leaked
_GIVEN_BACK = 0.5  # share of what had grown; a fall of so much of it ends the climb
_NOISE = 3 * _LEAST  # a fall below this gives nothing back
_PATIENCE = 2  # minutes in a row without growth that a climb survives
_SHORTEST = 8  # minutes before growth counts as a climb
_LONGEST = 240  # minutes of a climb that are remembered


@dataclass(slots=True)
class Climb:
    """The climb of one level (a ratio 0-1) of one entity, fed window by window."""

    per_minute: int  # windows a minute
    recent: deque[float] = field(default_factory=deque)  # levels of the running minute
    minute_ago: float = math.nan
    growths: deque[float] = field(default_factory=deque)  # by minute, of the climb
    flat: int = 0

    @property
    def risen(self) -> float:
        """How much the level has climbed; 0 while it does not, or not for long."""
        minutes = len(self.growths)
        return minutes * median(self.growths) if minutes >= _SHORTEST else 0.0

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
        grown = sum(self.growths)
        if _GIVEN_BACK * grown <= -growth < 1.5 * grown and -growth > _NOISE:
            self.growths.clear()
            self.flat = 0
            return
        if abs(growth) > _JUMP:
            return
        if growth >= _LEAST:
            self.flat = 0
        elif self.growths:
            self.flat += 1
        else:
            return
        self.growths.append(max(growth, 0.0))
        if self.flat > _PATIENCE:
            self.growths.clear()
            self.flat = 0
        if len(self.growths) > _LONGEST:
            self.growths.popleft()

    def save(self) -> dict[str, object]:
        """JSON-able; NaN as null."""
        return {
            "per_minute": self.per_minute,
            "recent": list(self.recent),
            "minute_ago": None if math.isnan(self.minute_ago) else self.minute_ago,
            "growths": list(self.growths),
            "flat": self.flat,
        }

    @classmethod
    def load(cls, saved: dict[str, object]) -> Climb:
        """The climb that `save` described."""
        state = dict(saved)
        state["recent"] = deque(state["recent"])  # type: ignore[call-overload]
        state["growths"] = deque(state["growths"])  # type: ignore[call-overload]
        if state["minute_ago"] is None:
            state["minute_ago"] = math.nan
        return cls(**state)  # type: ignore[arg-type]
