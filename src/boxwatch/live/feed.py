"""Where the loop's turns come from: the sources of this moment, or a recording.

A turn is what one round of reading brought, normalised, with the instant at which reading ended
and the positions of the sources after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from boxwatch.clock import Clock, monotonic
from boxwatch.events import Events, RawChunk
from boxwatch.live.joining import Normalise, normalised
from boxwatch.live.lateness import Lateness
from boxwatch.live.readers import Readers, Round
from boxwatch.sources import Source
from boxwatch.store import EventStore

Positions = Mapping[str, Mapping[str, object]]

_BEHIND_S: Final = 0.02  # while a source catches up: its reading goes on during a turn
_FULL: Final = 8 << 20  # bytes of a turn after which there is no need to wait for more
_FIRST_S: Final = 1.0  # what a source is behind with shall not wait for the first turn of the grid
_STARTING_S: Final = 0.1  # so often it is looked for that
_LINES_S: Final = 1.0  # lines are stored so soon; readings wait for the turn of the grid
_READINGS: Final = frozenset({"gpu", "host", "service"})  # raw kinds
_MUCH: Final = 1 << 20  # bytes that are normalised beside the reading, on the other processor
_AFTER_GRID_S: Final = 1.1  # a turn ends so long after a window does, when its lateness is over


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of reading. `raw` is what the sources said, where they are read live."""

    events: Events
    now: datetime
    positions: Positions
    raw: Sequence[RawChunk] = ()


class Feed(Protocol):
    """Gives turns, in order, until it is exhausted or closed."""

    def turns(self) -> AsyncIterator[Turn]:
        """The next turns. Whoever iterates has stored a turn before asking for the next."""
        ...

    async def last(self) -> Turn | None:
        """What was read and belongs to no turn yet, once nobody iterates; None if nothing."""
        ...

    async def close(self) -> None:
        """Let go of what it reads from."""
        ...


class LiveFeed:
    """Reads all sources at once, every `batch_s`; a slow, hung or broken one stops no other.

    Lines do not wait so long: a turn comes within a second of them. While a source has much to
    catch up with, turns follow one another at once.

    Args:
        sources: What to read, by position key ("journald" of this machine, "<host>/journald" of a
            configured host); each already stands at its position.
        normalise: Turns a raw chunk into events.
        clock: Tells `now`.
        batch_s: Seconds from turn to turn.
        positions: Where the sources stood in the last stored turn.
        lateness_s: How long a record may take to come before it is marked as late.
    """

    def __init__(  # noqa: PLR0913 - a default is right for all but one
        self,
        sources: Mapping[str, Source],
        normalise: Normalise,
        clock: Clock,
        batch_s: float,
        positions: Positions,
        *,
        lateness_s: float = 1.0,
    ) -> None:
        self._lateness = Lateness(lateness_s)
        self._readers = Readers(sources, clock)
        self._normalise = normalise
        self._clock = clock
        self._batch_s = batch_s
        self._positions: dict[str, Mapping[str, object]] = dict(positions)
        self._waiting: list[RawChunk] = []  # read, and in no turn yet

    async def turns(self) -> AsyncIterator[Turn]:
        """Turns without end; cancel the iteration to stop."""
        started = monotonic() + _FIRST_S
        due = monotonic() + min(_FIRST_S, self._until_next())
        while True:
            behind = await self._gather(due, started)
            much = sum(chunk.size for chunk in self._waiting) > _FULL
            yield await self._turn(behind=behind)
            left = self._until_next()
            due = monotonic() + left
            behind_s = 0.0 if much else _BEHIND_S
            await asyncio.sleep(behind_s if behind else min(_pace(started), left))

    async def last(self) -> Turn | None:
        """What was read since the last turn: readings of the past cannot be had again."""
        if not _has_lines(self._waiting):
            self._take(await self._readers.round())
        return await self._turn(behind=False) if self._waiting else None

    async def _turn(self, *, behind: bool) -> Turn:
        """A turn of all that waits."""
        events = await self._normalised(self._waiting)
        now = self._clock.now()
        events = self._lateness.add(events, now, behind=behind)
        chunks, self._waiting = self._waiting, []
        return Turn(events, now, dict(self._positions), chunks)

    def _take(self, read: Round) -> None:
        self._waiting = [*self._waiting, *read.chunks]
        self._positions.update(read.positions)

    async def _gather(self, due: float, started: float) -> bool:
        """Read, round by round, until one brings lines, or the turn of the grid is due.

        Returns whether a source is behind. Nothing that was read is waiting here when a source is
        asked again that counts on its records being stored by then (OpenTelemetry): what it brings
        are lines.
        """
        while True:
            read = await self._readers.round()
            self._take(read)
            left = due - monotonic()
            if _has_lines(read.chunks) or read.behind or left <= 0:
                return read.behind
            await asyncio.sleep(min(_pace(started), left))

    async def _normalised(self, chunks: Sequence[RawChunk]) -> Events:
        if sum(chunk.size for chunk in chunks) < _MUCH:
            return normalised(chunks, self._normalise, self._clock.now)
        return await asyncio.to_thread(normalised, chunks, self._normalise, self._clock.now)

    def _until_next(self) -> float:
        """Seconds to the next turn: just after the grid of windows, wherever the clock stands."""
        into = (self._clock.now().timestamp() - _AFTER_GRID_S) % self._batch_s
        return self._batch_s - into

    async def close(self) -> None:
        """Stop reading and close every source."""
        await self._readers.close()


def _pace(started: float) -> float:
    """Seconds from one round to the next; until `started`, sources have only begun to read."""
    return _LINES_S if monotonic() >= started else _STARTING_S


def _has_lines(chunks: Sequence[RawChunk]) -> bool:
    return any(chunk.kind not in _READINGS for chunk in chunks)


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

    async def last(self) -> Turn | None:
        """None: a recording holds whole turns."""
        return None

    async def close(self) -> None:
        """Nothing to let go of."""
