"""What `boxwatch up` does with a journal it is behind with, up to the store; a child of the bench.

`python -m boxwatch.bench.catch_up_reader JOURNAL DATA` prints the seconds and the rows.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from boxwatch.bench.journal_lines import HOST
from boxwatch.clock import EPOCH, SystemClock, monotonic
from boxwatch.events import normalise
from boxwatch.events.schema import concat
from boxwatch.sources import JournaldSource, JournalOptions, LocalShell
from boxwatch.store import EventStore


async def catch_up(journal: Path, data: Path) -> int:
    """Read the journal in the folder `journal` to its end into a new store; the rows stored."""
    options = JournalOptions(follow=False, since=EPOCH, arguments=(f"--directory={journal}",))
    source = JournaldSource(LocalShell(), HOST, None, options)
    clock, rows = SystemClock(), 0
    with EventStore.open(data, writable=True) as store:
        while not source.done:
            chunks = await source.read()
            if chunks:
                events = concat([normalise(chunk) for chunk in chunks])
                store.append(events, clock.now(), {source.name: source.position()})
                rows += events.logs.height
            await asyncio.sleep(0.005)
        await source.close()
    return rows


def main() -> None:
    """Read, and say how long it took; starting Python is not counted."""
    began = monotonic()
    rows = asyncio.run(catch_up(Path(sys.argv[1]), Path(sys.argv[2])))
    sys.stdout.write(json.dumps([monotonic() - began, rows]))


if __name__ == "__main__":
    main()
