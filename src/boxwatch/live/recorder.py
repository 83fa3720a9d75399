"""Recording: what watching would have stored, and the raw records it was made of; no judging.

A batch and its raw lines come to be together: the lines are written first, and how far they go is
part of the positions that the batch commits. Killed at any instant, the next start cuts off what
belongs to no batch and reads it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

from boxwatch import pulse
from boxwatch.errors import StoreFull, UsageError
from boxwatch.live.driving import drive, once_there_is_room
from boxwatch.live.feed import Feed, Turn
from boxwatch.store import EventStore, Layout, RawRecording

_UPKEEP_TURNS: Final = 4


class Recorder:
    """Records the turns of a feed into one data folder.

    Args:
        store: Open for writing; empty, or of a recording, which goes on.
        retry_s: Pause before a device that was full is tried again.

    Raises:
        UsageError: the folder holds records that are no recording.
    """

    def __init__(self, store: EventStore, retry_s: float = 5.0) -> None:
        self._store = store
        self._retry_s = retry_s
        self._turns = 0
        root = Layout(store.layout.root).ingested
        head = store.head()
        known = cast("Mapping[str, int] | None", head.positions.get(RawRecording.KEY))
        if known is None and (head.seq > 0 or any(root.glob("*/*"))):
            raise UsageError(
                f"The data folder {str(store.layout.root)!r} holds records already, and is no "
                "recording.",
                hint="Name a new folder.",
            )
        self._raw = RawRecording(root, {} if known is None else known)

    async def run(
        self, feed: Feed, stop: asyncio.Event, tell: Callable[[Turn], None] | None = None
    ) -> None:
        """Record turns until `stop` is set or the feed ends; `tell` hears of every one.

        What was read after the last turn is one more.
        """

        async def take(turn: Turn) -> bool:
            seq = await once_there_is_room(lambda: self._record(turn), stop, self._retry_s)
            if seq is not None and tell is not None:
                tell(turn)
            return seq is not None

        await drive(feed, stop, take, to_the_last=True)

    def _record(self, turn: Turn) -> int:
        self._raw.write(turn.raw, turn.now)
        positions = {**turn.positions, RawRecording.KEY: self._raw.sizes()}
        try:
            seq = self._store.append(turn.events, turn.now, positions)
        except BaseException:
            self._raw.take_back()
            raise
        self._raw.keep()
        self._turns += 1
        if self._turns % _UPKEEP_TURNS == 0:
            try:
                self._store.compact()
            except StoreFull as error:
                pulse.emit(pulse.PartFailed(part="store", error=str(error)))
        return seq
