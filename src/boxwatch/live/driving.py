"""Taking turns from a feed until told to stop, whatever is done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from boxwatch import pulse
from boxwatch.errors import StoreFull
from boxwatch.live.feed import Feed, Turn


async def drive(
    feed: Feed,
    stop: asyncio.Event,
    take: Callable[[Turn], Awaitable[object]],
    *,
    to_the_last: bool = False,
) -> None:
    """`take` every turn of `feed` until `stop` is set or it ends; then close it.

    With `to_the_last`, also what was read since the last turn, unless `take` returned False: then
    a turn is missing, and what came after it must not be taken.
    """
    turns = aiter(feed.turns())
    stopped = asyncio.ensure_future(stop.wait())
    taken: object = None
    try:
        while not stop.is_set():
            coming = asyncio.ensure_future(anext(turns))
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                break
            try:
                turn = coming.result()
            except StopAsyncIteration:
                break
            taken = await take(turn)
        if to_the_last and taken is not False and (turn_left := await feed.last()) is not None:
            await take(turn_left)
    finally:
        stopped.cancel()
        await feed.close()


async def once_there_is_room(
    write: Callable[[], int], stop: asyncio.Event, retry_s: float, *, aside: bool = False
) -> int | None:
    """What `write` returns, tried until there is room for it; None if the stop came before.

    With `aside`, on a thread of its own: reading goes on while the disk is waited for.
    """
    while True:
        try:
            return await _unbroken(write) if aside else write()
        except StoreFull as error:
            pulse.emit(pulse.PartFailed(part="store", error=str(error)))
            if stop.is_set():
                return None
            await asyncio.sleep(retry_s)


async def _unbroken(write: Callable[[], int]) -> int:
    """What `write` returns; cancelled, it is waited for all the same: the store is for one."""
    writing = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise
