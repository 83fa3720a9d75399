"""The machine itself: processors, memory, disks, file systems, network, sensors.

Read from /proc and /sys: on this machine directly, on another by one small reader that stays there.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.background import Background
from boxwatch.sources.capability import Capability
from boxwatch.sources.host_reader import LocalReader, Reader
from boxwatch.sources.host_rows import HostRows
from boxwatch.sources.notices import ClockJump, clock_notice
from boxwatch.sources.outbox import Health, Parcel, Pauses, chunks, stamp
from boxwatch.sources.proc_files import Values
from boxwatch.sources.resident import ResidentReader
from boxwatch.sources.source import Position, Shell

_HUNG_HINT: Final = "The machine is stopped, or its kernel does not answer for /proc."
_PROBE_S: Final = 8.0
_JUMP_S: Final = 2.0  # by which the wall clock moves at least where it jumped, not trembled
_DRIFT: Final = 0.001  # of the time between two readings: synchronisation moves it by half of that


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How the host is read: every `interval_s`, on the grid of its multiples since the epoch.

    It hangs after `hung_s` without an answer, and after `given_up_s` it is asked anew. `root` is
    where its /proc, /sys and mount points are found; `each_core` adds a row for each core.
    """

    interval_s: float = 1.0
    hung_s: float = 10.0
    given_up_s: float = 60.0
    root: Path = Path("/")
    each_core: bool = False
    pauses: Pauses = field(default_factory=lambda: Pauses(longest=10.0))


class HostSource:
    """One machine; implements `Source`.

    Raw kind `host`: one row an entity and reading, stamped by the clock of that machine; the row
    of the entity `host` also says when it was received, by ours, if it comes from elsewhere. A
    clock that jumped is a `notice`.
    Nothing to resume, so the position is empty. If an answer is late, the readings of the grid
    points in between are skipped, not made up for.

    Args:
        host: The name its records carry.
        options: How it is read.
        clock: Ours.
        shell: Reaches the machine; None reads this one directly.
    """

    name = "host"

    def __init__(
        self,
        host: str,
        options: HostOptions | None = None,
        clock: Clock | None = None,
        shell: Shell | None = None,
    ) -> None:
        self._host = host
        self._options = HostOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._shell = shell
        self._reader = self._new_reader()
        self._rows = HostRows(each_core=self._options.each_core)
        self._work_aside = Background(self.name, self._work)
        self._outbox = self._work_aside.outbox
        self._health = Health(self.name, host, self._clock)
        self._slot = -1
        self._before: tuple[datetime, float] | None = None  # its clocks at the last reading

    async def read(self) -> list[RawChunk]:
        """Readings since the last call."""
        return chunks(self._work_aside.take(), self._host, "/proc")

    def position(self) -> Position:
        """{}: a reading of the past cannot be had again."""
        return {}

    async def close(self) -> None:
        """Stop reading."""
        await self._work_aside.stop(limit_s=0.5)
        await self._reader.close()

    async def probe(self) -> Capability:
        """Whether the machine has a /proc that can be read."""
        rows, reader = HostRows(), self._new_reader()
        try:
            async with asyncio.timeout(_PROBE_S):
                answer = await reader.ask(rows.request(monotonic()))
        except SourceError as error:
            return Capability("host", error.state, error.message, error.hint)
        except TimeoutError:
            return Capability("host", "hung", f"No answer for {_PROBE_S:g} s.", _HUNG_HINT)
        finally:
            await reader.close()
        values = rows.rows(answer).get("host", {})
        unknown = [value for value in values.values() if isinstance(value, str)]
        known = len(values) - len(unknown)
        return Capability("host", "ok", "; ".join([f"{known} metrics", *dict.fromkeys(unknown)]))

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._until_next())
            if self._outbox.full:
                continue
            try:
                lines = await self._measure()
            except SourceError as error:
                self._outbox.add(self._health.tell(error.state, error.message, error.hint))
                self._rows.forget()
                await self._reader.close()
                if self._shell is not None:
                    await asyncio.sleep(self._options.pauses.next())
                continue
            self._options.pauses.reset()
            self._outbox.add(self._health.tell("ok"))
            self._outbox.add(Parcel("host", lines))

    async def _measure(self) -> bytes:
        """One reading: a row for each entity, as NDJSON.

        Raises:
            SourceError: the machine cannot be read, or does not answer.

        """
        asking = asyncio.ensure_future(self._reader.ask(self._rows.request(monotonic())))
        try:
            await asyncio.wait([asking], timeout=self._options.hung_s)
            if not asking.done():
                reason = f"No answer for {self._options.hung_s:g} s."
                self._outbox.add(self._health.tell("hung", reason, _HUNG_HINT))
            async with asyncio.timeout(self._options.given_up_s):
                answer = await asking
        except TimeoutError as error:
            reason = f"No answer for {self._options.given_up_s:g} s; it is asked anew."
            raise SourceError(reason, hint=_HUNG_HINT, state="hung") from error
        finally:
            asking.cancel()
        self._tell_break(answer.taken, answer.monotonic)
        rows = self._rows.rows(answer)
        received = None if self._shell is None else self._clock.now()
        return _ndjson(self._host, rows, answer.taken, received)

    def _tell_break(self, taken: datetime, at: float) -> None:
        """Say what happened since the last reading: none for long, a restart, a clock that jumped.

        By its own monotonic clock, which falls only at a boot and stands while it is suspended.
        """
        before, self._before = self._before, (taken, at)
        if before is None:
            return
        passed = at - before[1]
        if passed < 0:
            said = f"The machine was restarted; it is up for {at:.0f} s."
            self._outbox.add(self._health.note("ok", said))
            return
        if passed > max(self._options.hung_s, 5 * self._options.interval_s):
            said = f"There are no readings of the last {passed:.0f} s."
            self._outbox.add(self._health.note("ok", said))
        jump = ClockJump(before[0] + timedelta(seconds=passed), taken)
        if abs(jump.seconds) > _JUMP_S + _DRIFT * passed:
            self._outbox.add(self._health.note("ok", jump.in_words(self._host)))
            self._outbox.add(clock_notice(self._host, jump))

    def _new_reader(self) -> Reader:
        if self._shell is None:
            return LocalReader(self._options.root, self._clock)
        quiet_s = max(120, math.ceil(4 * self._options.interval_s))
        root = str(self._options.root)
        return ResidentReader(self._shell, root=root, quiet_s=quiet_s)

    def _until_next(self) -> float:
        """Seconds to the next grid point, never the one just taken: timers may fire early."""
        interval = self._options.interval_s
        now = to_micros(self._clock.now()) / 1e6
        slot = math.floor(now / interval) + 1
        self._slot = slot + 1 if slot == self._slot else slot
        return max(0.0, self._slot * interval - now)


def _ndjson(
    host: str, rows: dict[str, Values], taken: datetime, received: datetime | None
) -> bytes:
    at = {"host": host, "collected_at": stamp(taken)}
    lines = []
    for entity, values in rows.items():
        extra = {"received_at": stamp(received)} if received and entity == "host" else {}
        record = {**at, "entity": entity, **extra, **values}
        lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    return b"".join(lines)
