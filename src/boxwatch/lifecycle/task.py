"""A task: what the life of a model asks of the thing that is modelled, and all it knows of it.

Detectors of a machine's trouble are one task, an image classifier another; the rest of this room
is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from boxwatch.lifecycle.evidence import Evidence
from boxwatch.models import Saved


@dataclass(frozen=True, slots=True)
class Selected:
    """What to learn from: the rows of each part, and in words of JSON how they were chosen.

    `rows` are in the order of time and frozen: they are kept under the hash of their content.
    `description` has what people ask for: time range, hosts, filters, what was excluded and why.
    """

    rows: Mapping[str, pl.DataFrame]
    description: Mapping[str, Any]


class Task(Protocol):
    """What is modelled. A part is a model of its own, such as a view of a host."""

    @property
    def name(self) -> str:
        """The task's name in the ledger."""
        ...

    def recipe(self) -> Mapping[str, Any]:
        """The settings that decide what comes out: seed, search results, options."""
        ...

    def select(self) -> Selected:
        """What there is to learn from now.

        Raises:
            UsageError: nothing; says how to get some.
        """
        ...

    def train(
        self, rows: Mapping[str, pl.DataFrame], recipe: Mapping[str, Any]
    ) -> Mapping[str, Saved]:
        """The model of each part; the same to the last bit for the same rows and recipe."""
        ...

    def measure(self, parts: Mapping[str, Saved], rows: Mapping[str, pl.DataFrame]) -> Evidence:
        """What the models `parts` are worth; `rows` are those that the candidate learned from.

        Candidate and champion are measured with the same `rows`, on the same cases.
        """
        ...
