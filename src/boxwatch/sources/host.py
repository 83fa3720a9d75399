"""The machine itself: processors, memory, disks, file systems, network, sensors.

Read straight from /proc and /sys: no process is started and no process list walked.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources import devices, proc_files
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, Outbox, Parcel, chunks, stamp
from boxwatch.sources.patience import Bystander, begin, stop
from boxwatch.sources.proc_files import Values
from boxwatch.sources.source import Position

_SURVEY_S: Final = 30.0  # how often mounts and sensors are looked for again
_SLOW_S: Final = 1.0  # how long disks and sensors may take to answer


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How the host is read: every `interval_s`, on the grid of its multiples since the epoch."""

    interval_s: float = 1.0
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


class HostSource:
    """This machine; implements `Source`.

    Raw kind `host`: one row an entity and reading. Nothing to resume, so the position is empty.
    If the loop is late, the reading of that grid point is skipped, not made up for.
    """

    name = "host"

    def __init__(
        self, host: str, options: HostOptions | None = None, clock: Clock | None = None
    ) -> None:
        self._host = host
        self._options = HostOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._outbox = Outbox()
        self._health = Health(self.name, host, self._clock)
        self._slow: Bystander[dict[str, Values]] = Bystander("boxwatch-disks")
        self._disks: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._links: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._points: list[str] = []
        self._sensors: dict[str, Path] = {}
        self._surveyed = -math.inf
        self._slot = -1
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> list[RawChunk]:
        """Readings since the last call."""
        if self._task is None:
            self._task = begin(self._work(), self.name)
        parcels = self._outbox.take()
        if not parcels and self._task.done():
            self._task.result()
        return chunks(parcels, self._host, "/proc")

    def position(self) -> Position:
        """{}: a reading of the past cannot be had again."""
        return {}

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            await stop([self._task])
        self._slow.close()

    async def probe(self) -> Capability:
        """Whether this machine has a /proc to read."""
        values = proc_files.host(self._options.proc) if self._options.proc.is_dir() else {}
        unknown = [value for value in values.values() if isinstance(value, str)]
        if len(unknown) == len(values):
            reason = f"{self._options.proc} cannot be read."
            return Capability("host", "absent", reason, "Host metrics need Linux.")
        known = len(values) - len(unknown)
        return Capability("host", "ok", "; ".join([f"{known} metrics", *unknown]))

    async def measure(self) -> bytes:
        """One reading: a row for each entity, as NDJSON.

        Raises:
            SourceError: this machine has no /proc.

        """
        at = stamp(self._clock.now())
        try:
            found: dict[str, Values] = {"host": proc_files.host(self._options.proc)}
        except OSError as error:
            raise SourceError(
                f"{self._options.proc}: {error.strerror}.",
                hint="Host metrics need Linux.",
                state="absent",
            ) from error
        found["host"]["clock_monotonic_seconds"] = round(time.monotonic(), 6)
        found.update(self._disk_traffic())
        found.update(self._net_traffic())
        found.update(await self._slow_parts())
        return b"".join(
            orjson.dumps(
                {"host": self._host, "collected_at": at, "entity": entity, **values},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for entity, values in found.items()
        )

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._until_next())
            if self._outbox.full:
                continue
            try:
                lines = await self.measure()
            except SourceError as error:
                self._outbox.add(self._health.tell(error.state, error.message, error.hint))
                continue
            self._outbox.add(self._health.tell("ok"))
            self._outbox.add(Parcel("host", lines))

    def _until_next(self) -> float:
        """Seconds to the next grid point, never the one just taken: timers may fire early."""
        interval = self._options.interval_s
        now = to_micros(self._clock.now()) / 1e6
        slot = math.floor(now / interval) + 1
        self._slot = slot + 1 if slot == self._slot else slot
        return max(0.0, self._slot * interval - now)

    def _disk_traffic(self) -> dict[str, Values]:
        try:
            all_disks = proc_files.diskstats(proc_files.read(self._options.proc / "diskstats"))
        except (OSError, ValueError, IndexError):
            return {}
        names = frozenset(all_disks)
        if names != self._disks[0]:
            self._disks = (names, devices.disks(names, self._options.sys))
        return {f"disk:{name}": all_disks[name] for name in sorted(self._disks[1])}

    def _net_traffic(self) -> dict[str, Values]:
        try:
            every = proc_files.interfaces(proc_files.read(self._options.proc / "net/dev"))
        except (OSError, ValueError, IndexError):
            return {}
        names = frozenset(every)
        if names != self._links[0]:
            self._links = (names, devices.links(names, self._options.sys))
        return {f"net:{name}": every[name] for name in sorted(self._links[1])}

    async def _slow_parts(self) -> dict[str, Values]:
        """File systems and sensors; unknown with the reason while they do not answer."""
        try:
            return await self._slow.call(self._ask_slow, _SLOW_S)
        except (SourceError, OSError, ValueError) as error:
            reason = str(error)
            return _slow_rows(
                {point: devices.unknown_room(reason) for point in self._points},
                {name: {"sensor_celsius": reason} for name in self._sensors},
            )

    def _ask_slow(self) -> dict[str, Values]:
        if time.monotonic() - self._surveyed > _SURVEY_S:
            mounts = proc_files.mounts(proc_files.read(self._options.proc / "self/mounts"))
            self._points = devices.file_systems(mounts)
            self._sensors = devices.sensors(self._options.sys)
            self._surveyed = time.monotonic()
        return _slow_rows(
            {point: devices.room(point) for point in self._points},
            {name: devices.temperature(file) for name, file in self._sensors.items()},
        )


def _slow_rows(rooms: Mapping[str, Values], sensors: Mapping[str, Values]) -> dict[str, Values]:
    pairs: Iterable[tuple[str, Values]] = (
        *((f"fs:{point}", values) for point, values in rooms.items()),
        *((f"sensor:{name}", values) for name, values in sensors.items()),
    )
    return dict(pairs)
