"""The slow looks: cards beside peers and past, what creeps over days, readings that stopped.

They see blocks of five minutes, and cost next to nothing between two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from boxwatch.detections.degradation import Degradation
from boxwatch.detections.detection import Detection
from boxwatch.detections.fleet import FleetWatch
from boxwatch.detections.held_back import HeldBack
from boxwatch.detections.stopped import StoppedReadings
from boxwatch.features.blocks import Blocks
from boxwatch.features.containers import Containers
from boxwatch.features.fleet import Fleet


class SlowLooks:
    """From the values of windows to findings. All state is in `save()`.

    Args:
        per_host_week: False alarms allowed per host and week, in all.
    """

    def __init__(self, per_host_week: float = 1.0) -> None:
        self._blocks = Blocks()
        self._containers = Containers()
        self._fleet = Fleet()
        self._beside = FleetWatch(per_host_week)
        self._held_back = HeldBack(per_host_week)
        self._degradation = Degradation(per_host_week)
        self._stopped = StoppedReadings()

    def add(self, logs: pl.DataFrame, values: pl.DataFrame) -> list[Detection]:
        """Findings that opened, went on or ended.

        Args:
            logs: Rows of the `logs` table; cards say in them of which model they are.
            values: Of the windows that closed, see `features.blocks.VALUES`.
        """
        if logs.height:
            self._fleet.learn(logs)
            self._containers.learn(logs)
        blocks = self._containers.named(self._blocks.add(values))
        if blocks.is_empty():
            return []
        return [
            *self._beside.add(self._fleet.add(blocks)),
            *self._held_back.add(blocks),
            *self._degradation.add(blocks),
            *self._stopped.add(blocks),
        ]

    def save(self) -> dict[str, object]:
        """All state, by look."""
        return {name: look.save() for name, look in self._looks().items()}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        for name, look in self._looks().items():
            if name in saved:  # an older checkpoint does not know every look
                look.load(saved[name])

    def _looks(self) -> dict[str, Any]:
        return {
            "blocks": self._blocks,
            "containers": self._containers,
            "fleet": self._fleet,
            "beside": self._beside,
            "held_back": self._held_back,
            "degradation": self._degradation,
            "stopped": self._stopped,
        }
