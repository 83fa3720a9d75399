"""The lines of services, as they come: in order, and as often as ever, or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from boxwatch.detections.detection import Detection
from boxwatch.detections.logs.bursts import BurstWatch
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.missing import MissingWatch
from boxwatch.detections.logs.mix import MixWatch
from boxwatch.detections.logs.order import OrderWatch
from boxwatch.detections.logs.stream import LineStream


class LogWatch:
    """Finds bursts, rare errors, broken order, missing lines and other proportions.

    Lines carry `template` and `entity`.

    All state is in `save()`; the findings do not depend on the turns in which lines came.

    Args:
        learning: How well a service must be known.
        lateness_s: How long a line may take to come.
    """

    def __init__(self, learning: Learning | None = None, lateness_s: float = 1.0) -> None:
        self.stream = LineStream(lateness_s)
        self.order = OrderWatch(learning)
        self.bursts = BurstWatch(learning)
        self.missing = MissingWatch(learning)
        self.mix = MixWatch(learning)

    def add(
        self, logs: pl.DataFrame, now: datetime, merged: Mapping[int, int] | None = None
    ) -> list[Detection]:
        """The findings that opened, grew or ended by `now`.

        `merged` says which template (by id) has become part of which.
        """
        before = self.stream.until
        lines = self.stream.add(logs, now)
        found: dict[str, Detection] = {}
        moved = {} if merged is None else merged
        if lines is not None:
            told = (
                *self.bursts.add(lines),
                *self.order.add(lines, moved),
                *self.missing.add(lines, moved),
                *self.mix.add(lines, moved),
            )
            found |= {one.id: one for one in told}
        if self.stream.until is not None and self.stream.until != before:
            over = (
                *self.bursts.settle(self.stream.until),
                *self.missing.settle(self.stream.until),
                *self.mix.settle(self.stream.until, moved),
            )
            found |= {one.id: one for one in over}
        return list(found.values())

    def save(self) -> dict[str, object]:
        """All state, JSON-able but for the lines that wait and arrays."""
        return {
            "stream": self.stream.save(),
            "order": self.order.save(),
            "bursts": self.bursts.save(),
            "missing": self.missing.save(),
            "mix": self.mix.save(),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self.stream.load(saved["stream"])
        self.order.load(saved["order"])
        self.bursts.load(saved["bursts"])
        for name, part in (("missing", self.missing), ("mix", self.mix)):
            if name in saved:  # not in the states of earlier versions
                part.load(saved[name])
