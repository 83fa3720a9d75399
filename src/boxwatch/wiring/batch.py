"""The batch way: each step a function over a data folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.features import VIEWS, WindowBuilder
from boxwatch.live import Clocks
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore, Repaired
from boxwatch.store import repair as repair_folder
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.reports import FeaturesReport
from boxwatch.wiring.window_files import windows_folder, write_windows

_MOST_ROWS: Final = 200_000  # windows held before they are written


def features(settings: Settings, data: Path, progress: Progress) -> FeaturesReport:
    """Cut all stored events into windows: features/<view>/NNNN.parquet, anew each time."""
    builder = WindowBuilder(
        interval_s=settings.data_collection.interval_seconds,
        lateness_s=settings.live.lateness_seconds,
        masks=settings.logs.own_masks(),
    )
    clocks = Clocks()
    folder = windows_folder(data)
    partial = folder.with_name("features.partial")
    shutil.rmtree(partial, ignore_errors=True)
    counts = dict.fromkeys(VIEWS, 0)
    held: dict[str, list[pl.DataFrame]] = {name: [] for name in VIEWS}
    with EventStore.open(data, writable=False) as store:
        head = store.head().seq
        for batch in store.batches():
            events = clocks.add(batch.events, batch.now)
            for name, frame in builder.add(events, batch.now)[0].items():
                held[name].append(frame)
                counts[name] += frame.height
                if sum(one.height for one in held[name]) >= _MOST_ROWS:
                    write_windows(partial / name, held[name])
            progress("cutting windows", batch.seq, head)
        tell_damage(store)
    for name in VIEWS:
        write_windows(partial / name, held[name])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return FeaturesReport(counts)


def repair(settings: Settings, data: Path, progress: Progress) -> Repaired:  # noqa: ARG001
    """Rebuild what can be rebuilt, then read everything: what cannot be read is set aside."""
    done = repair_folder(data)
    with EventStore.open(data, writable=True) as store:
        head = store.head().seq
        for batch in store.batches():
            progress("checking", batch.seq, head)
        damaged = tuple(str(found) for found in store.damage())
    return replace(done, lost=(*done.lost, *damaged))
