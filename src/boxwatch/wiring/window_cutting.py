"""Cutting windows on from where they were cut last, beside a watcher that goes on storing.

    features/<view>/<first>-<last>.parquet    windows of the batches first to last
    features/<last>.state                     what the builder of windows knew after the last
    features/cut.json                         the files that count; written last

Killed at any instant, what `cut.json` names is whole; what it does not name is removed next time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch.features import VIEWS, WindowBuilder
from boxwatch.live import Clocks
from boxwatch.live.state import flatten, unflatten
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore, pack, unpack
from boxwatch.store.durable import write_whole
from boxwatch.wiring.window_files import LIST, listed, windows_folder

_MOST_ROWS: Final = 100_000  # windows in one file; a smaller one is written anew with what comes
_MOST_HELD: Final = 200_000  # windows held before they are written


@dataclass(slots=True)
class _Cut:
    """What `cut.json` says: `files` are (view, name, rows, microseconds of the last end)."""

    how: list[object]
    seq: int = 0
    files: list[tuple[str, str, int, int]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        content = {"how": self.how, "seq": self.seq, "files": self.files}
        write_whole(folder / LIST, json.dumps(content).encode())


def cut_on(settings: Settings, data: Path, progress: Progress) -> int:
    """Cut the stored batches that were not cut yet; returns how many windows came of them.

    Windows older than `data.retention_days` are let go of. Where intervals or masks are others
    than the last time, or the store begins anew, all is cut anew.
    """
    folder = windows_folder(data)
    how: list[object] = [
        settings.data_collection.interval_seconds,
        settings.live.lateness_seconds,
        [str(mask) for mask in settings.logs.own_masks()],
        [VIEWS[name].columns for name in VIEWS],
    ]
    with EventStore.open(data, writable=False) as store:
        head = store.head().seq
        if head == 0:
            return 0
        cut = _taken_up(folder, how, head)
        if cut.seq == head:
            return 0
        work = _Work(settings, folder, cut)
        for batch in store.batches(cut.seq, until=head):
            work.add(batch.events, batch.now, batch.seq)
            progress("cutting windows", batch.seq, head)
        work.finish(head, timedelta(days=settings.data.retention_days))
    return work.rows


class _Work:
    """One round of cutting."""

    def __init__(self, settings: Settings, folder: Path, cut: _Cut) -> None:
        self._folder = folder
        self._cut = cut
        self._builder = WindowBuilder(
            interval_s=settings.data_collection.interval_seconds,
            lateness_s=settings.live.lateness_seconds,
            masks=settings.logs.own_masks(),
        )
        self._clocks = Clocks()
        self._held: dict[str, list[pl.DataFrame]] = {name: [] for name in VIEWS}
        self._old: list[Path] = []
        self.rows = 0
        if cut.seq:
            saved = unflatten(unpack((folder / f"{cut.seq}.state").read_bytes()))
            self._builder.load(saved["windows"])
            self._clocks.load(saved["clocks"])

    def add(self, events: Any, now: datetime, seq: int) -> None:  # noqa: ANN401
        for name, frame in self._builder.add(self._clocks.add(events, now), now)[0].items():
            if not frame.is_empty():
                self._held[name].append(frame)
                self.rows += frame.height
        if sum(frame.height for held in self._held.values() for frame in held) >= _MOST_HELD:
            self._save(seq)

    def finish(self, seq: int, kept: timedelta) -> None:
        """Write what is held, and let go of what is older than `kept`."""
        ends = [end for *_, end in self._cut.files]
        ends += [_end(one) for held in self._held.values() for one in held]
        oldest = max(ends, default=0) - kept // timedelta(microseconds=1)
        self._old += [
            self._folder / view / name for view, name, _, end in self._cut.files if end < oldest
        ]
        self._cut.files = [one for one in self._cut.files if one[3] >= oldest]
        self._save(seq)

    def _save(self, seq: int) -> None:
        """Make what was cut up to batch `seq` count: files, then state, then the list of them."""
        for view, held in self._held.items():
            if held:
                self._write(view, pl.concat(held), seq)
                held.clear()
        state = {"windows": self._builder.save(), "clocks": self._clocks.save()}
        write_whole(self._folder / f"{seq}.state", pack(flatten(state)))
        if self._cut.seq:
            self._old.append(self._folder / f"{self._cut.seq}.state")
        self._cut.seq = seq
        self._cut.write(self._folder)
        for path in self._old:
            if path != self._folder / f"{seq}.state":
                path.unlink(missing_ok=True)
        self._old.clear()

    def _write(self, view: str, windows: pl.DataFrame, seq: int) -> None:
        mine = [one for one in self._cut.files if one[0] == view]
        first = self._cut.seq + 1
        if mine and mine[-1][2] + windows.height <= _MOST_ROWS:
            last = self._folder / view / mine[-1][1]
            windows = pl.concat([pl.read_parquet(last), windows])
            first = int(mine[-1][1].partition("-")[0])
            self._old.append(last)
            self._cut.files.remove(mine[-1])
        name = f"{first:010d}-{seq:010d}.parquet"
        (self._folder / view).mkdir(parents=True, exist_ok=True)
        windows.write_parquet(self._folder / view / name)
        self._cut.files.append((view, name, windows.height, _end(windows)))


def _taken_up(folder: Path, how: list[object], head: int) -> _Cut:
    """Where the last round ended; an empty folder where it cannot go on."""
    content = listed(folder)
    if content is not None and content["how"] == how and content["seq"] <= head:
        cut = _Cut(how, content["seq"], [(a, b, c, d) for a, b, c, d in content["files"]])
        if cut.seq == 0 or (folder / f"{cut.seq}.state").exists():
            for path in _left_over(folder, cut):
                path.unlink(missing_ok=True)
            return cut
    shutil.rmtree(folder, ignore_errors=True)
    for name in VIEWS:
        (folder / name).mkdir(parents=True)
    cut = _Cut(how)
    cut.write(folder)
    return cut


def _end(windows: pl.DataFrame) -> int:
    """When the last of `windows` ended, in microseconds."""
    return int(windows["end"].to_physical().max())  # type: ignore[arg-type]


def _left_over(folder: Path, cut: _Cut) -> Iterator[Path]:
    """What a round that was killed left behind."""
    named = {folder / view / name for view, name, *_ in cut.files}
    named |= {folder / f"{cut.seq}.state", folder / LIST}
    for path in (*folder.glob("*/*"), *folder.glob("*.state"), *folder.glob("*.tmp")):
        if path not in named:
            yield path
