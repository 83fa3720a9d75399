"""What a source does between two readings, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from boxwatch.sources.outbox import Outbox, Parcel
from boxwatch.sources.patience import begin, stop


class Background:
    """The work of a source, on a task of its own that fills `outbox`; begun with the first `take`.

    Args:
        name: Of the task, as in a dump of tasks.
        work: Goes on until it is stopped; an error that ends it is the source's own.
    """

    def __init__(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self.outbox = Outbox()
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def take(self) -> list[Parcel]:
        """What came since the last time; once there is nothing more, the error that ended it."""
        if self._task is None:
            self._task = begin(self._work(), self._name)
        parcels = self.outbox.take()
        if not parcels and self._task.done():
            self._task.result()
        return parcels

    async def stop(self, limit_s: float = 1.8) -> None:
        """End the work, and wait for its end at most `limit_s`."""
        if self._task is not None:
            await stop([self._task], limit_s)
