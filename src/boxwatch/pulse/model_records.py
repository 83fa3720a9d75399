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
class WindowHeld:
    """A window was unusual, but as a person expects it."""

    slug: ClassVar[str] = "window held back"
    level: ClassVar[int] = logging.DEBUG
    host: str

    def moves(self) -> Iterable[Move]:
        """Counts it."""
        yield Move("boxwatch_windows_held_total", 1, (self.host,))
