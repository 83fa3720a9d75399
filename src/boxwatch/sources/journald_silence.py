"""A journalctl that lives and shows nothing: an idle journal, or a journalctl that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from boxwatch.errors import SourceError
from boxwatch.sources.source import Output


async def watched(
    stream: AsyncGenerator[Output, None], quiet_s: float, behind: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[Output, None]:
    """`stream`; after each `quiet_s` without output, `behind` tells whether some is missing.

    Raises:
        SourceError: it was missing and did not come for as long again; the state is hung.

    """
    upcoming = asyncio.ensure_future(anext(stream))
    try:
        while True:
            await asyncio.wait([upcoming], timeout=quiet_s)
            if not upcoming.done() and await behind():
                await asyncio.wait([upcoming], timeout=quiet_s)
                if not upcoming.done():
                    raise SourceError("journalctl shows no entries any more.", state="hung")
            if upcoming.done():
                try:
                    yield upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = asyncio.ensure_future(anext(stream))
    finally:
        upcoming.cancel()
        await asyncio.wait([upcoming])
