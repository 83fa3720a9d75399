"""Whether an entity's windows may be learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HOLD: Final = 24  # windows: a stretch not learned from lasts until so many in a row were ordinary,
_SETTLED: Final = 0.5  # or until this share of the entity's latest windows was in such stretches:
_MEMORY: Final = 1 / 1440  # (weight of one window in that share) then the strange has become normal


@dataclass(slots=True)
class Doubt:
    """Whether an entity's windows may be learned from, window by window."""

    before: bool = False  # the last window was strange
    hold: int = 0  # windows left of a stretch that is not learned from
    share: float = 0.0  # of the latest windows, how many were in such stretches

    def trusts(self, *, strange: bool) -> bool:
        """Take the next window; True if it may be learned from."""
        if strange and (self.before or self.hold > 0):
            self.hold = _HOLD
        elif self.hold > 0:
            self.hold -= 1
        self.before = strange
        self.share += _MEMORY * ((self.hold > 0) - self.share)
        return self.hold == 0 or self.share >= _SETTLED
