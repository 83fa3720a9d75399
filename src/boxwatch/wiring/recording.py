"""`record`: what watching would have stored, with the raw records, and nothing judged."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from boxwatch.events import RAW_KINDS
from boxwatch.live import Recorder, Turn
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore
from boxwatch.wiring.feeding import live_feed
from boxwatch.wiring.reports import RecordReport
from boxwatch.wiring.stopping import told_to_stop


def record(
    settings: Settings, folder: Path, for_seconds: float | None, progress: Progress
) -> RecordReport:
    """Record into `folder` until told to stop; a recording that is there already goes on.

    Raises:
        UsageError: the folder holds records that are no recording.

    """
    counted: Counter[str] = Counter()
    with EventStore.open(folder, writable=True) as store:
        first = store.head().seq
        recorder = Recorder(store)

        def tell(turn: Turn) -> None:
            for chunk in turn.raw:
                counted[RAW_KINDS[chunk.kind][0]] += chunk.lines.count(b"\n")
            counted[""] += turn.events.rows
            progress("recording", counted[""], None)

        async def run() -> None:
            stop = told_to_stop(for_seconds)
            await recorder.run(live_feed(settings, store.head().positions), stop, tell)

        asyncio.run(run())
        batches = store.head().seq - first
    rows = counted.pop("", 0)
    return RecordReport(str(folder), batches, rows, dict(sorted(counted.items())))
