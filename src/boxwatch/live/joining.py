"""Chunks of many sources made one per raw kind before they are normalised.

Normalising has a price per call, not per line: three hundred small chunks, one of each source of
fifty hosts, take 900 ms, and one chunk of each kind with the same lines 33 ms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from boxwatch import pulse
from boxwatch.events import QUARANTINE, Events, RawChunk, concat

Normalise = Callable[[RawChunk], Events]

_MOST: Final = 16 << 20  # bytes of a joined chunk: what one source may hand over at once
_HOST: Final = b'{"host":"'
_SEVERAL: Final = "joined"  # origin of a joined chunk; no row keeps it


@dataclass(frozen=True, slots=True)
class Joined:
    """A chunk for normalising, and the chunks that it was made of, in order."""

    chunk: RawChunk
    parts: Sequence[RawChunk]


def join(chunks: Sequence[RawChunk]) -> Iterator[Joined]:
    """`chunks` as few chunks; those of one kind keep their order.

    Joined are only chunks whose every line begins with its own host: a line without one takes the
    host of its chunk. One that is no lines yet is large, and stays alone.
    """
    waiting: dict[str, list[RawChunk]] = {}
    for chunk in chunks:
        if not isinstance(chunk.content, bytes):
            if run := waiting.pop(chunk.kind, None):
                yield _as_one(run)
            yield Joined(chunk, (chunk,))
            continue
        if not _names_its_host(chunk.lines):
            yield Joined(chunk, (chunk,))
            continue
        run = waiting.setdefault(chunk.kind, [])
        if run and sum(one.size for one in run) + chunk.size > _MOST:
            yield _as_one(run)
            run = waiting[chunk.kind] = []
        run.append(chunk)
    for run in waiting.values():
        yield _as_one(run)


def normalised(
    chunks: Sequence[RawChunk], normalise: Normalise, now: Callable[[], datetime]
) -> Events:
    """The events of all `chunks`. What `normalise` fails over is set aside whole, with the reason.

    One line that it does not survive must not end watching, nor be met again at every start.
    """
    return concat([part for one in join(chunks) for part in _events(one, normalise, now)])


def _events(joined: Joined, normalise: Normalise, now: Callable[[], datetime]) -> Iterator[Events]:
    try:
        events = normalise(joined.chunk)
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - the loop's border
        pulse.emit(pulse.PartFailed(part=f"normalise {joined.chunk.kind}", error=repr(error)))
        if len(joined.parts) == 1:
            yield Events(quarantined=_set_aside(joined.chunk, now(), repr(error)))
            return
        for part in joined.parts:
            yield from _events(Joined(part, (part,)), normalise, now)
        return
    if len(joined.parts) > 1 and events.quarantined.height:
        origins = _origins(joined.parts, events.quarantined["origin"].to_list())
        quarantined = events.quarantined.with_columns(pl.Series("origin", origins, pl.String))
        events = Events(events.logs, events.samples, quarantined)
    yield events


def _names_its_host(lines: bytes) -> bool:
    """Whether every line begins with a host; JSON text holds no bare newline."""
    begins = lines.count(b"\n" + _HOST) + lines.startswith(_HOST)
    return begins == lines.count(b"\n") + (not lines.endswith(b"\n"))


def _as_one(parts: Sequence[RawChunk]) -> Joined:
    if len(parts) == 1:
        return Joined(parts[0], parts)
    first = parts[0]
    lines = b"".join(
        part.lines if part.lines.endswith(b"\n") else part.lines + b"\n" for part in parts
    )
    return Joined(RawChunk(first.kind, lines, first.host, _SEVERAL), parts)


def _origins(parts: Sequence[RawChunk], told: Sequence[str | None]) -> list[str | None]:
    """Where quarantined rows came from, in the words of the chunk that held them."""
    begins, offset = [], 0
    for part in parts:
        begins.append(offset)
        offset += len(part.lines) + (not part.lines.endswith(b"\n"))
    origins = []
    for text in told:
        name, _, place = (text or "").rpartition("+")
        if name != _SEVERAL or not place.isdigit():
            origins.append(text)
            continue
        which = bisect_right(begins, int(place)) - 1
        origins.append(f"{parts[which].origin}+{int(place) - begins[which]}")
    return origins


def _set_aside(chunk: RawChunk, now: datetime, reason: str) -> pl.DataFrame:
    rows, offset = [], 0
    for line in chunk.lines.splitlines(keepends=True):
        record = line.rstrip(b"\n").decode("utf-8", "backslashreplace")
        rows.append((now, chunk.kind, f"{chunk.origin}+{offset}", reason[:300], record))
        offset += len(line)
    return pl.DataFrame(rows, schema=dict(QUARANTINE), orient="row")
