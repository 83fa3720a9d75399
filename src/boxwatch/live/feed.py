"""Where the loop's turns come from: the sources of this moment, or a recording.

A turn is what one round of reading brought, normalised, with the instant at which reading ended
and the positions of the sources after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from boxwatch import pulse
from boxwatch.clock import Clock, monotonic
from boxwatch.events import Events, RawChunk
from boxwatch.events.schema import concat
from boxwatch.sources import Source
from boxwatch.store import EventStore

Positions = Mapping[str, Mapping[str, object]]

_PATIENCE_S: Final = 0.75  # how long a turn waits for a source; a slower one is heard next turn
_AFTER_GRID_S: Final = 1.1  # a turn ends so long after a window does, when its lateness is over


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of reading."""

    events: Events
    now: datetime
    positions: Positions


class Feed(Protocol):
    """Gives turns, in order, until it is exhausted or closed."""

    def turns(self) -> AsyncIterator[Turn]:
        """The next turns. Whoever iterates has stored a turn before asking for the next."""
        ...

    async def close(self) -> None:
        """Let go of what it reads from."""
        ...


class LiveFeed:
    """Reads all sources at once, every `batch_s`; a slow, hung or broken one stops no other.

    Args:
        sources: What to read, by position key; each already stands at its position.
        normalise: Turns a raw chunk into events.
        clock: Tells `now`.
        batch_s: Seconds from turn to turn.
        positions: Where the sources stood in the last stored turn.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        normalise: Callable[[RawChunk], Events],
        clock: Clock,
        batch_s: float,
        positions: Positions,
    ) -> None:
        self._sources = dict(sources)
        self._normalise = normalise
        self._clock = clock
        self._batch_s = batch_s
        self._positions: dict[str, Mapping[str, object]] = dict(positions)
        self._reading: dict[str, asyncio.Task[tuple[Sequence[RawChunk], Mapping[str, object]]]] = {}

    async def turns(self) -> AsyncIterator[Turn]:
        """Turns without end; cancel the iteration to stop."""
        while True:
            await asyncio.sleep(self._until_next())
            chunks = await self._pull()
            events = concat([self._normalise(chunk) for chunk in chunks])
            yield Turn(events, self._clock.now(), dict(self._positions))

    def _until_next(self) -> float:
        """Seconds to the next turn: just after the grid of windows, wherever the clock stands."""
        into = (self._clock.now().timestamp() - _AFTER_GRID_S) % self._batch_s
        return self._batch_s - into

    async def _pull(self) -> list[RawChunk]:
        for key, source in self._sources.items():
            if key not in self._reading:
                self._reading[key] = asyncio.create_task(_read(source))
        if self._reading:
            await asyncio.wait(self._reading.values(), timeout=_PATIENCE_S)
        chunks: list[RawChunk] = []
        for key, task in list(self._reading.items()):
            if not task.done():
                continue
            del self._reading[key]
            try:
                read, position = task.result()
            except Exception as error:  # noqa: BLE001 - one source must not take the others along
                pulse.emit(pulse.PartFailed(part=f"source {key}", error=repr(error)))
                continue
            chunks.extend(read)
            self._positions[key] = position
        return chunks

    async def close(self) -> None:
        """Stop reading and close every source."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        self._reading.clear()
        await asyncio.gather(*(source.close() for source in self._sources.values()))


async def _read(source: Source) -> tuple[Sequence[RawChunk], Mapping[str, object]]:
    return await source.read(), source.position()


class ReplayFeed:
    """The batches of a recording (any data folder), as they were stored; its clock is theirs.

    Args:
        recording: The store to read; stays open after `close`, its owner closes it.
        positions: The positions of the last stored turn, to go on after it.
        pace: Seconds of the recording per second; None is as fast as can be.
    """

    name: Final = "replay"

    def __init__(
        self, recording: EventStore, positions: Positions, pace: float | None = None
    ) -> None:
        self._recording = recording
        self._after = int(str(positions.get(self.name, {}).get("seq", 0)))
        self._pace = pace

    async def turns(self) -> AsyncIterator[Turn]:
        """Every batch after the position, then the end."""
        began, first = monotonic(), None
        for batch in self._recording.batches(self._after):
            if self._pace is not None:
                first = batch.now if first is None else first
                due = (batch.now - first).total_seconds() / self._pace
                await asyncio.sleep(max(0.0, due - (monotonic() - began)))
            else:
                await asyncio.sleep(0)
            yield Turn(batch.events, batch.now, {self.name: {"seq": batch.seq}})

    async def close(self) -> None:
        """Nothing to let go of."""
