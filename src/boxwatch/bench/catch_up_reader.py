"""What `boxwatch up` does with a journal it is behind with, up to the store: a child of the bench.

`python -m boxwatch.bench.catch_up_reader JOURNAL DATA ENTRIES` prints the seconds and the rows.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path

import polars as pl

from boxwatch.bench.journal_lines import HOST
from boxwatch.clock import EPOCH, SystemClock, monotonic
from boxwatch.events import normalise
from boxwatch.live import LiveFeed, once_there_is_room
from boxwatch.settings import Settings
from boxwatch.sources import JournaldSource, JournalOptions, LocalShell
from boxwatch.store import EventStore


async def catch_up(journal: Path, data: Path, entries: int) -> int:
    """Read the journal in the folder `journal` into a new store; the rows stored."""
    options = JournalOptions(follow=False, since=EPOCH, arguments=(f"--directory={journal}",))
    source = JournaldSource(LocalShell(), HOST, None, options)
    feed = LiveFeed(
        {source.name: source}, normalise, SystemClock(), Settings().live.batch_seconds, {}
    )
    rows = 0
    with EventStore.open(data, writable=True) as store:
        async for turn in feed.turns():
            append = partial(store.append, turn.events, turn.now, turn.positions)
            await once_there_is_room(append, asyncio.Event(), retry_s=5.0, aside=True)
            rows += turn.events.logs.filter(pl.col("unit") != "boxwatch").height
            if rows >= entries or (source.done and not turn.events.rows):
                break
        await feed.close()
    return rows


def main() -> None:
    """Read, and say how long it took; starting Python is not counted."""
    began = monotonic()
    rows = asyncio.run(catch_up(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(json.dumps([monotonic() - began, rows]))


if __name__ == "__main__":
    main()
