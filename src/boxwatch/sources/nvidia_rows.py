"""Rows of readings: what hardly ever moves is left out of most, and a flood is seen as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from boxwatch.clock import monotonic
from boxwatch.errors import SourceError
from boxwatch.sources.nvidia_fields import SELDOM

REPLAYS: Final = "nvml.pcie_replay_counter"
_WHOLE_EVERY_S: Final = 60.0
_SELDOM: Final = SELDOM | {REPLAYS}


class Seldom:
    """Leaves out of a card's row the seldom fields that did not change; once a minute all come."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, str]] = {}
        self._whole_at: dict[str, float] = {}

    def thin(self, index: str, row: Mapping[str, str], now: float) -> dict[str, str]:
        """What of `row` is to be handed over at `now` (seconds, any origin)."""
        seldom = {name: value for name, value in row.items() if name in _SELDOM}
        before = self._last.get(index, {})
        self._last[index] = seldom
        if not 0 <= now - self._whole_at.get(index, float("-inf")) < _WHOLE_EVERY_S:
            self._whole_at[index] = now
            return dict(row)
        return {
            name: value
            for name, value in row.items()
            if name not in _SELDOM or before.get(name) != value
        }


class Flow:
    """Watches how much comes: more than `most_bytes` within `per_s` is no reading but a flood."""

    def __init__(self, most_bytes: int, per_s: float) -> None:
        self._most = most_bytes
        self._per_s = per_s
        self._since = monotonic()
        self._bytes = 0

    def add(self, size: int) -> None:
        """Count `size` bytes that came now.

        Raises:
            SourceError: it is a flood.

        """
        now = monotonic()
        if now - self._since > self._per_s:
            self._since, self._bytes = now, 0
        self._bytes += size
        if self._bytes > self._most:
            raise SourceError(f"nvidia-smi floods: more than {self._most >> 10} KiB at once.")
