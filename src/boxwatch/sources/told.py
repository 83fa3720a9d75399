"""Sources that only say one thing: why something is not read, or is watched no more."""

from __future__ import annotations

from boxwatch.clock import Clock, SystemClock
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, chunks
from boxwatch.sources.source import Position


class ToldSource:
    """Says once that the source `told.name` of `host` is as `told` describes; implements `Source`.

    So it is visible that a thing is not read, and why; and a host that was taken out of the
    settings is not waited for for ever.
    """

    def __init__(self, told: Capability, host: str, clock: Clock | None = None) -> None:
        self.name = told.name
        self._told = told
        self._host = host
        self._health = Health(self.name, host, SystemClock() if clock is None else clock)

    async def read(self) -> list[RawChunk]:
        """The one status, the first time."""
        parcel = self._health.tell(self._told.state, self._told.reason, self._told.hint)
        return [] if parcel is None else chunks([parcel], self._host, "settings")

    def position(self) -> Position:
        """What was told, so that it need not be told at every start."""
        return {"told": self._told.state}

    async def close(self) -> None:
        """Nothing to let go of."""

    async def probe(self) -> Capability:
        """What there is to say."""
        return self._told
