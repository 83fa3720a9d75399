"""What a source read and has not handed over yet, with the position that follows from it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final

import orjson

from boxwatch.clock import Clock
from boxwatch.events.schema import RawChunk, Unprinted

ROOM: Final = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """Records of one raw kind, as whole NDJSON lines or what prints them when it is asked to.

    `mark` is where to read on after them, if it moved.
    """

    kind: str
    lines: bytes | Unprinted
    mark: object = None

    @property
    def printed(self) -> bytes:
        """The records as lines."""
        return self.lines if isinstance(self.lines, bytes) else self.lines.lines


class Outbox:
    """Parcels in the order they were read.

    Bounded: `put` waits while more than `room` bytes lie here, so a flood stays with its sender.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._parcels: deque[Parcel] = deque()
        self._bytes = 0
        self._emptied = asyncio.Event()

    @property
    def full(self) -> bool:
        """True while a `put` would wait."""
        return self._bytes >= self._room

    @property
    def waiting(self) -> bool:
        """True if anything lies here."""
        return bool(self._parcels)

    async def put(self, parcel: Parcel) -> None:
        """Add `parcel`, when there is room."""
        while self.full:
            self._emptied.clear()
            await self._emptied.wait()
        self.add(parcel)

    def add(self, parcel: Parcel | None) -> None:
        """Add `parcel` at once, whatever lies here already; None adds nothing."""
        if parcel is not None:
            self._parcels.append(parcel)
            self._bytes += len(parcel.lines)

    def take(self) -> list[Parcel]:
        """Everything that lies here."""
        parcels = list(self._parcels)
        self._parcels.clear()
        self._bytes = 0
        self._emptied.set()
        return parcels


def chunks(parcels: Sequence[Parcel], host: str, origin: str) -> list[RawChunk]:
    """`parcels` as raw chunks; neighbours of one kind become one chunk, where they are lines."""
    made: list[RawChunk] = []
    run: list[bytes] = []
    for parcel, after in zip_longest(parcels, parcels[1:]):
        if not isinstance(parcel.lines, bytes):
            made.append(RawChunk(parcel.kind, parcel.lines, host, origin))
            continue
        run.append(parcel.lines)
        if after is None or after.kind != parcel.kind or not isinstance(after.lines, bytes):
            lines = b"".join(run)
            run = []
            if lines:
                made.append(RawChunk(parcel.kind, lines, host, origin))
    return made


class Health:
    """What a source last said about itself; says a thing once, until it changes."""

    def __init__(self, source: str, host: str, clock: Clock) -> None:
        self._source = source
        self._host = host
        self._clock = clock
        self.state = ""  # nothing said yet

    def tell(self, state: str, reason: str = "", hint: str = "") -> Parcel | None:
        """A `status` parcel if `state` is news, else None."""
        if state == self.state:
            return None
        self.state = state
        return self.note(state, reason, hint)

    def note(self, state: str, reason: str, hint: str = "") -> Parcel:
        """A `status` parcel whether it is news or not: a gap, a reset."""
        record = {
            "host": self._host,
            "collected_at": stamp(self._clock.now()),
            "source": self._source,
            "state": state,
            "reason": reason,
            "hint": hint,
        }
        return Parcel("status", orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


class Pauses:
    """Growing waits between attempts: `first` seconds, doubled each time up to `longest`."""

    def __init__(self, first: float = 1.0, longest: float = 300.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        """Seconds to wait now."""
        pause = self._next
        self._next = min(self._next * 2, self._longest)
        return pause

    def reset(self) -> None:
        """Begin again with the first pause: it worked."""
        self._next = self._first


def stamp(instant: datetime) -> str:
    """`instant` as RFC 3339 text with microseconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def first_line(text: bytes) -> str:
    """The first line of a tool's complaint, short enough for a reason."""
    return text.strip().split(b"\n", 1)[0].decode("utf-8", "backslashreplace")[:300]
