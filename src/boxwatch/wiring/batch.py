"""The batch way: each step a function over a data folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.detections import learning
from boxwatch.errors import StoreDamaged, UsageError
from boxwatch.features import VIEWS, View, WindowBuilder
from boxwatch.lifecycle import train as train_view
from boxwatch.live import Clocks
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore, Layout, Repaired
from boxwatch.store import repair as repair_folder
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.reports import FeaturesReport, TrainReport

_MOST_ROWS: Final = 200_000  # windows held before they are written


def _windows_folder(data: Path) -> Path:
    return data / "features"


def features(settings: Settings, data: Path, progress: Progress) -> FeaturesReport:
    """Cut all stored events into windows: features/<view>/NNNN.parquet, anew each time."""
    builder = WindowBuilder(
        interval_s=settings.data_collection.interval_seconds,
        lateness_s=settings.live.lateness_seconds,
        masks=settings.logs.own_masks(),
    )
    clocks = Clocks()
    folder = _windows_folder(data)
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
                    _write_windows(partial / name, held[name])
            progress("cutting windows", batch.seq, head)
        tell_damage(store)
    for name in VIEWS:
        _write_windows(partial / name, held[name])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return FeaturesReport(counts)


def _write_windows(folder: Path, held: list[pl.DataFrame]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if held:
        pl.concat(held).write_parquet(folder / f"{len(list(folder.iterdir())):04d}.parquet")
        held.clear()


def _read_windows(path: Path, view: View) -> pl.DataFrame:
    try:
        windows = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise StoreDamaged(
            f"{str(path)!r} cannot be read: {error}.",
            hint="Run `boxwatch features` again: it writes all windows anew.",
        ) from error
    if dict(windows.schema) != dict(view.schema):
        raise StoreDamaged(
            f"{str(path)!r} does not hold the windows of the view {view.name!r} as they are now.",
            hint="Run `boxwatch features` again: it writes all windows anew.",
        )
    return windows


def train(settings: Settings, data: Path, progress: Progress) -> TrainReport:
    """Fit every view that has windows, and put the models in use."""
    folder = _windows_folder(data)
    if not folder.is_dir():
        raise UsageError(
            f"There are no windows in {str(data)!r} to learn from.",
            hint="Run `boxwatch features` first.",
        )
    models, without = [], []
    for done, (name, view) in enumerate(VIEWS.items()):
        progress("training", done, len(VIEWS))
        parts = [_read_windows(path, view) for path in sorted((folder / name).glob("*.parquet"))]
        windows = pl.concat(parts) if parts else pl.DataFrame(schema=dict(view.schema))
        if windows.height < learning.LEAST_WINDOWS:
            without.append(name)
            continue
        chosen = settings.models
        folder_of_models = Layout(data).models
        models.append(
            train_view(view, windows, folder_of_models, chosen.seed, courses=chosen.courses)
        )
    progress("training", len(VIEWS), len(VIEWS))
    if not models:
        raise UsageError(
            f"No view of {str(data)!r} has windows.",
            hint="Collect and normalize records first, then run `boxwatch features`.",
        )
    return TrainReport(tuple(models), tuple(without))


def repair(settings: Settings, data: Path, progress: Progress) -> Repaired:  # noqa: ARG001
    """Rebuild what can be rebuilt, then read everything: what cannot be read is set aside."""
    done = repair_folder(data)
    with EventStore.open(data, writable=True) as store:
        head = store.head().seq
        for batch in store.batches():
            progress("checking", batch.seq, head)
        damaged = tuple(str(found) for found in store.damage())
    return replace(done, lost=(*done.lost, *damaged))
