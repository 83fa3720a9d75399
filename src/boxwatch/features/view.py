"""A view: an entity kind, its window, and the features of one window.

Each feature states what a typical spread is on machines of this kind (`spread`) and the smallest
difference worth a person's attention (`floor`). Both are knowledge about AI servers, not about one
machine: they stand in for data while there is little of it, and keep a very steady machine from
raising alarms over differences nobody would call a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from boxwatch.events.schema import TIME, Schema


class Direction(StrEnum):
    """Which excursions of a feature may be a finding by themselves."""

    HIGH = "high"
    LOW = "low"
    BOTH = "both"
    CONTEXT = "context"  # none: it only explains the others, in the joint models


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a view.

    `unit` is one of the units of `boxwatch.units` or empty; `spread` and `floor` are in the
    feature's own scale.
    """

    name: str
    unit: str
    direction: Direction
    spread: float
    floor: float
    help: str


@dataclass(frozen=True, slots=True)
class View:
    """One entity kind and how it is looked at."""

    name: str
    window_s: int
    features: tuple[Feature, ...]

    @property
    def columns(self) -> list[str]:
        """The feature names, in the order every matrix of this view uses."""
        return [feature.name for feature in self.features]

    @property
    def schema(self) -> Schema:
        """The `windows` table of this view."""
        return {**WINDOW_KEY, **{name: pl.Float64() for name in self.columns}}


WINDOW_KEY: Final[Schema] = {
    "host": pl.String(),
    "view": pl.String(),
    "entity": pl.String(),
    "start": TIME,
    "end": TIME,
    "coverage": pl.Float64(),  # share of the expected readings that came, 0-1
}
