"""What happens around the models in use: which they are, what drifted, what people expect.

A gauge goes stale unless it is refreshed, so the records that set gauges are emitted every turn.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from boxwatch.pulse.registry import Move


@dataclass(frozen=True, slots=True)
class ModelFitted:
    """The models of one view were fitted."""

    slug: ClassVar[str] = "model fitted"
    level: ClassVar[int] = logging.INFO
    view: str
    windows: int
    seconds: float

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_models_fitted_total", 1, (self.view,))


@dataclass(frozen=True, slots=True)
class ChampionTaken:
    """Another version of the models judges from the next turn on."""

    slug: ClassVar[str] = "champion taken up"
    level: ClassVar[int] = logging.INFO
    version: str
    before: str | None
    seconds: float  # between two turns

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_champions_taken_total", 1)


@dataclass(frozen=True, slots=True)
class ChampionRefused:
    """The champion cannot be used; what judged before goes on."""

    slug: ClassVar[str] = "champion refused"
    level: ClassVar[int] = logging.ERROR
    error: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_champions_refused_total", 1)


@dataclass(frozen=True, slots=True)
class ChampionJudged:
    """Which version judged the turn; null where the watcher learned for itself."""

    slug: ClassVar[str] = "champion judged"
    level: ClassVar[int] = logging.DEBUG
    version: int | None

    def moves(self) -> Iterable[Move]:
        """Sets the number."""
        yield Move("boxwatch_champion_version", self.version)


@dataclass(frozen=True, slots=True)
class WindowHeld:
    """A window was unusual, but as a person expects it."""

    slug: ClassVar[str] = "window held back"
    level: ClassVar[int] = logging.DEBUG
    host: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_windows_held_total", 1, (self.host,))


@dataclass(frozen=True, slots=True)
class DriftKnown:
    """What the last check for drift came to, said every turn; `at` is in seconds since 1970."""

    slug: ClassVar[str] = "drift known"
    level: ClassVar[int] = logging.DEBUG
    at: float
    kind: str
    priority: str | None
    moved: int

    def moves(self) -> Iterable[Move]:
        """Sets the gauges; those of other kinds are 0, the priority is unknown without drift."""
        yield Move("boxwatch_drift_checked_timestamp_seconds", self.at)
        yield Move("boxwatch_drift_features_moved", self.moved)
        for kind in ("data drift", "concept drift", "model decay"):
            yield Move("boxwatch_drift", int(kind == self.kind), (kind,))
        priority = None if self.priority is None else int(self.priority.removeprefix("P"))
        yield Move("boxwatch_drift_priority", priority)
