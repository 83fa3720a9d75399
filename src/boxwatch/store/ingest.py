"""Raw artifacts into the event store: the engine of `boxwatch normalize`.

All kinds advance together in time: a batch holds what every kind has up to one instant, so a
pipeline that reads the batches sees the past as it was. With artifacts that rotate together a
batch is one rotation; larger ones are cut at the earliest instant at which some kind's share of
the batch ends.

Killed at any instant, the next run goes on after the last committed batch: the offsets are part of
the batch's commit, under the position `ingest`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import xxhash

from boxwatch.clock import EPOCH
from boxwatch.events.schema import Events, concat
from boxwatch.store.event_store import EventStore
from boxwatch.store.raw_files import RawFile, find_raw_files
from boxwatch.store.raw_recording import RawRecording
from boxwatch.store.raw_streams import (
    Earliest,
    Normalise,
    RawStream,
    Reading,
    first_time,
    last_time,
)
from boxwatch.store.repeats import Repeats

POSITION: Final = "ingest"
MARKS: Final = "ingest_marks"  # by artifact, a hash of the last bytes that were taken from it
_MARK_BYTES: Final = 256
# Python takes blocks of more than 32 MiB from the system each time anew, smaller ones from what was
# given back before (mallopt(3), M_MMAP_THRESHOLD): a million lines took 1.5 s of kernel time in
# chunks of 32 MiB, 0.7 s in these.
CHUNK_BYTES: Final = 24 * 2**20


@dataclass(frozen=True, slots=True)
class Progress:
    """What is done: bytes of all artifacts, of these taken so far; and what this run added.

    `quarantined` counts by kind. `repeated` lines were stored before and left out.
    `skipped` are files that were not read, with the reason; `waiting` files that end in half a
    line, which may still be being written.
    """

    bytes_total: int = 0
    bytes_done: int = 0
    batches: int = 0
    rows: int = 0
    repeated: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def ingest(  # noqa: PLR0913 - what is read, how, and what a caller may leave alone
    store: EventStore,
    root: Path,
    normalise: Normalise,
    *,
    host: str = "localhost",
    closed: bool = False,
    earliest: Earliest | None = None,
    progress: Callable[[int, int], None] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Progress:
    """Append what the artifacts below `root` hold and the store does not yet.

    `earliest` is called with single lines, to learn their time (origin `probe`); without it
    `normalise` is, at a higher cost. Both must be pure functions. `host` is for records that do
    not name theirs. `closed` promises that nobody writes the artifacts any more, so that a last
    line without a newline is taken too. `progress` is called after every batch with the bytes done
    and the bytes in all.

    Raises:
        StoreFull: no room; run it again once there is.

    """
    files, strange = find_raw_files(root)
    sizes = {file.name: file.path.stat().st_size for file in files}
    positions = dict(store.head().positions)
    taken = {name: offset for name, offset in _offsets(positions).items() if name in sizes}
    shrunk = {name for name, offset in taken.items() if offset > sizes[name]}
    paths = {file.name: file.path for file in files}
    marks = _marks(positions)
    for name in set(taken) - shrunk:
        if name in marks and _mark(paths[name], taken[name]) != marks[name]:
            del taken[name], marks[name]  # it was emptied and written anew
    readable = [file for file in files if file.name not in shrunk]
    total = sum(sizes[file.name] for file in readable)
    repeats = Repeats(store)
    batches = rows = 0
    quarantined: Counter[str] = Counter()
    with ExitStack() as stack:
        reading = Reading(
            normalise=normalise,
            earliest=_through(normalise) if earliest is None else earliest,
            host=host,
            closed=closed,
        )
        streams = _streams(readable, taken, reading)
        for stream in streams:
            stack.callback(stream.close)
        while active := [stream for stream in streams if stream.remaining > 0]:
            now = _earliest(store, readable)
            before = dict(taken)
            events, now = _batch(active, chunk_bytes, now)
            events = repeats.without(events)
            moved = [name for name, offset in taken.items() if before.get(name) != offset]
            marks |= {name: _mark(paths[name], taken[name]) for name in moved}
            store.append(events, now, {**positions, POSITION: dict(taken), MARKS: dict(marks)})
            batches += 1
            rows += events.rows
            quarantined.update(events.quarantined["kind"])
            if progress is not None:
                progress(_done(readable, taken), total)
    return Progress(
        bytes_total=total,
        bytes_done=_done(readable, taken),
        batches=batches,
        rows=rows,
        repeated=repeats.found,
        quarantined=dict(quarantined),
        skipped=(
            *(f"{name}: no plain file whose name says its kind and time" for name in strange),
            *(f"{name}: it is shorter than what was taken from it" for name in sorted(shrunk)),
        ),
        waiting=tuple(f.name for f in readable if taken.get(f.name, 0) < sizes[f.name]),
    )


def _batch(active: list[RawStream], chunk_bytes: int, now: datetime) -> tuple[Events, datetime]:
    """The next batch over all kinds, and the latest time seen so far."""
    remaining = sum(stream.remaining for stream in active)
    scale = min(1.0, chunk_bytes / remaining)
    cuts = [stream.cut(int(stream.remaining * scale)) for stream in active]
    limits = [stream.time_after(cut) for stream, cut in zip(active, cuts, strict=True)]
    known = [limit for limit in limits if limit is not None]
    instant = min(known) if known else None
    if instant is not None and len(active) > 1:
        places = [stream.before(instant, cut) for stream, cut in zip(active, cuts, strict=True)]
        if all(place == stream.start for stream, place in zip(active, places, strict=True)):
            # Times that go backwards: the kind that sets the limit moves on regardless.
            places = [
                cut if limit == instant else place
                for place, cut, limit in zip(places, cuts, limits, strict=True)
            ]
        cuts = places
    parts = [
        stream.take(cut) for stream, cut in zip(active, cuts, strict=True) if cut > stream.start
    ]
    events = concat(parts)
    latest = last_time(events)
    if latest is not None:
        # One wrong clock must not carry the whole recording into the future.
        latest = latest if instant is None else min(latest, instant)
        now = max(now, latest)
    return events, now


def _through(normalise: Normalise) -> Earliest:
    return lambda chunk: first_time(normalise(chunk))


def _streams(files: list[RawFile], taken: dict[str, int], reading: Reading) -> list[RawStream]:
    by_kind: dict[str, list[RawFile]] = {}
    for file in files:
        by_kind.setdefault(file.kind, []).append(file)
    return [RawStream(group, taken, reading) for group in by_kind.values()]


def _earliest(store: EventStore, files: list[RawFile]) -> datetime:
    """The latest time so far; in an empty store, the time in the first artifact's name."""
    head = store.head()
    return files[0].stamp if head.now == EPOCH else head.now


def _offsets(positions: Mapping[str, Any]) -> dict[str, int]:
    """How far each artifact was taken; what was recorded is stored as far as its batches go."""
    taken: dict[str, int] = {}
    for key in (POSITION, RawRecording.KEY):
        for name, offset in positions.get(key, {}).items():
            taken[name] = max(int(offset), taken.get(name, 0))
    return taken


def _marks(positions: Mapping[str, Any]) -> dict[str, str]:
    saved: dict[str, Any] = dict(positions.get(MARKS, {}))
    return {name: str(mark) for name, mark in saved.items()}


def _mark(path: Path, offset: int) -> str:
    """What tells that a file still is what was taken from it: its last bytes before `offset`."""
    start = max(0, offset - _MARK_BYTES)
    with path.open("rb") as file:
        file.seek(start)
        return xxhash.xxh3_64_hexdigest(file.read(offset - start))


def _done(files: list[RawFile], taken: dict[str, int]) -> int:
    return sum(taken.get(file.name, 0) for file in files)
