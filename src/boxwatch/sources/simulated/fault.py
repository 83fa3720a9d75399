"""What a kind of fault is: when it may come, how long it lasts, and what it does to the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from boxwatch.sources.simulated.world import Series, World


@dataclass(frozen=True, slots=True)
class Window:
    """When a fault acts, in seconds of the span (`end` excluded); severity 0 subtle, 1 drastic."""

    start: int
    end: int
    severity: float
    rng: np.random.Generator

    @property
    def cut(self) -> slice:
        """The seconds of the fault, to index a column."""
        return slice(self.start, self.end)

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return self.end - self.start

    def between(self, low: float, high: float) -> float:
        """The value that the severity picks between the most subtle and the most drastic."""
        return low + (high - low) * self.severity

    def ramp(self) -> Series:
        """0 at the start to 1 at the end."""
        return np.linspace(0.0, 1.0, self.seconds)

    def times(self, period: float, jitter: float = 0.2) -> list[float]:
        """Instants about every `period` seconds inside the window."""
        times = np.arange(self.start + 0.3 * min(period, 10.0), self.end, period)
        late: list[float] = np.clip(
            times + self.rng.uniform(-jitter, jitter, len(times)) * period,
            self.start,
            self.end - 0.001,
        ).tolist()
        return late


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault did. `shown_from` and `shown_until` move the ends where stamps are moved."""

    entity: str
    description: str
    also: tuple[str, ...] = ()
    shown_from: float = 0.0
    shown_until: float = 0.0


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the table of faults. `apply` changes the world and says what it did."""

    name: str
    help: str
    minutes: tuple[float, float]
    apply: Callable[[World, Window], Effect]
    needs_load: bool = False
