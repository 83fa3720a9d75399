"""Reads the output of one container, from where it was left, for as long as it exists."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from boxwatch.clock import Clock
from boxwatch.errors import SourceError
from boxwatch.sources.container_log import ContainerLog, Marks
from boxwatch.sources.container_state import (
    condition,
    describe,
    finished,
    is_running,
    log_driver,
    name_of,
)
from boxwatch.sources.docker_engine import Engine, Record
from boxwatch.sources.notices import Gap
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.source import Output

_ROOM_HINT: Final = "Give its log more room: --log-opt max-size=50m --log-opt max-file=3."
_LONGEST_S: Final = 10.0  # between attempts at a log that ended although its container runs


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a container was read.

    `finished` is the stop (RFC 3339) up to which all is read, if it has stopped; `unread` is true
    once it was said that its log cannot be read.
    """

    marks: Marks = field(default_factory=dict)
    finished: str = ""
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of every container: see `DockerOptions`. `since` is RFC 3339.

    `drivers` are the log drivers that were seen in use.
    """

    since: str
    follow: bool
    journal_read: bool
    first_pause_s: float
    names: Container[str] = ()
    drivers: set[str] = field(default_factory=set)

    def leave_out(self, name: str) -> bool:
        """Whether a container of this name is none of those that are wanted."""
        return self.names != () and name not in self.names


class Desk(Protocol):
    """Where a reader hands over what it read."""

    async def lines(self, container_id: str, rows: bytes, reached: Reached) -> None:
        """Take rows of the raw kind `docker`; may wait."""
        ...

    async def event(self, action: str, container_id: str, attributes: Mapping[str, str]) -> None:
        """Take what was found out about a container; may wait."""
        ...

    async def gap(self, gap: Gap, hint: str) -> None:
        """Take that lines are lost; may wait."""
        ...


class ContainerReader:
    """One container: its log line by line, and its state whenever it is another.

    `run` is to be a task; it ends when there is nothing to read for now, and may be run again.
    Lines that `run` took from the engine are handed over before it ends: it may be cancelled only
    when nothing is wanted any more.
    """

    def __init__(
        self, engine: Engine, log: ContainerLog, desk: Desk, clock: Clock, wishes: Wishes
    ) -> None:
        self._engine = engine
        self._log = log
        self._desk = desk
        self._clock = clock
        self._wishes = wishes
        self._pauses = Pauses(wishes.first_pause_s, _LONGEST_S)
        self._awake = asyncio.Event()
        self._told: Mapping[str, str] = {}
        self._looking = False
        self._finished = ""
        self._unread = False
        self._opened = False  # whether its log was ever read to an end, though it be empty

    def know(self, reached: Reached) -> None:
        """Stand where an earlier reading came to; the marks are the log's own."""
        self._finished, self._unread = reached.finished, reached.unread

    def wake(self) -> None:
        """Do not wait: something happened to the container."""
        self._pauses.reset()
        self._awake.set()

    def rename(self, name: str) -> None:
        """What is written from now on comes from a container of this name."""
        self._log.name = name

    async def run(self, *, fresh: bool = False) -> None:
        """Read until the container is gone, or has stopped and is read to its end.

        One that is `fresh`, started this moment, may be gone in the next.
        """
        at_once = fresh and self._wishes.follow and not self._log.marks
        while True:
            try:
                if at_once:
                    at_once = False
                    await self._read_at_once()
                if await self._round():
                    return
            except SourceError as error:
                if error.state == "absent":
                    if not (self._log.marks or self._opened):
                        await self._say_unread("It was removed before its log was read.")
                    return
                if error.state == "denied":
                    await self._say_unread(error.message)
                    return
            if not self._wishes.follow:
                return
            await self._pause()

    @property
    def is_ill(self) -> bool:
        """Whether its health check failed when it was last looked at."""
        return self._told.get("health") == "unhealthy" and "pid" in self._told

    async def look(self, *, again: bool = False) -> None:
        """Tell the container's state, if it is another than it was, or in any case."""
        if self._looking:
            return
        self._looking = True
        if again:
            self._told = {}
        try:
            with contextlib.suppress(SourceError):  # gone, or the engine is: others say so
                await self._inspect()
        finally:
            self._looking = False

    async def _round(self) -> bool:
        """Look, read to the end of what there is; true if no more will come for now."""
        record = await self._inspect()
        if self._is_elsewhere(record):
            return True
        running, stopped = is_running(record), finished(record)
        if not running and not self._has_news(record):
            return True
        if await self._read(follow=running and self._wishes.follow):
            self._pauses.reset()
        if not running:
            self._finished = stopped
            await self._hand(b"")
        return not running

    async def _read_at_once(self) -> None:
        """Have the log opened before anything else is asked; then see whether it is wanted."""
        since = self._log.resume(self._wishes.since, self._clock.now(), self._engine.disorder_s)
        stream = self._engine.logs(self._log.container_id, since, follow=True)
        async with contextlib.aclosing(stream):
            opening = asyncio.ensure_future(anext(stream, None))
            try:
                if not await self._is_wanted():
                    return
                first = await opening
            finally:
                opening.cancel()
                await asyncio.wait([opening])  # a stream that is being read cannot be closed
            if first is not None:
                await self._take(first)
            await self._take_all(stream)

    async def _is_wanted(self) -> bool:
        try:
            record = await self._inspect()
        except SourceError as error:
            if error.state != "absent":
                raise
            # Gone already. Nobody can tell any more where its lines went besides.
            return not (self._wishes.journal_read and "journald" in self._wishes.drivers)
        return not self._is_elsewhere(record)

    def _has_news(self, record: Record) -> bool:
        """Whether it stopped since it was last read, and not before anything was wanted."""
        stopped = finished(record)
        return stopped != self._finished and stopped >= self._wishes.since

    def _is_elsewhere(self, record: Record) -> bool:
        """Whether its lines are not wanted, or not from here."""
        if log_driver(record) == "journald" and self._wishes.journal_read:
            return True
        return self._wishes.leave_out(self._log.name)

    async def _inspect(self) -> Record:
        record = await self._engine.inspect(self._log.container_id)
        self._log.name = name_of(record) or self._log.name
        self._wishes.drivers.add(log_driver(record))
        if self._wishes.leave_out(self._log.name):
            return record
        told = describe(record)
        if (is_running(record) or self._has_news(record)) and told != self._told:
            self._told = told
            await self._desk.event(f"state: {condition(record)}", self._log.container_id, told)
        return record

    async def _read(self, *, follow: bool) -> bool:
        """Read on until the log ends; whether anything came.

        To search a large log by time takes the engine seconds of processor time, so its last lines
        are asked for first; the log is searched if they do not reach back to where reading stopped.
        """
        key, tail = self._log.container_id, self._engine.tail
        since = self._log.resume(self._wishes.since, self._clock.now(), self._engine.disorder_s)
        old = bool(self._log.marks) or self._told.get("startedAt", "") < self._wishes.since
        if tail and old:
            async with contextlib.aclosing(
                self._engine.logs(key, "", follow=follow, tail=tail)
            ) as stream:
                first = await anext(stream, None)
                if first is None:
                    self._opened = True
                    return False
                if self._log.begins_before(first):
                    await self._take(first)
                    return await self._take_all(stream)
        async with contextlib.aclosing(self._engine.logs(key, since, follow=follow)) as stream:
            return await self._take_all(stream)

    async def _take_all(self, stream: AsyncIterator[Output]) -> bool:
        came = False
        async for output in stream:
            came = await self._take(output) or came
        self._opened = True
        return came

    async def _take(self, output: Output) -> bool:
        rows = self._log.take(output)
        if self._log.hole is not None:
            why = f"the engine had discarded lines of the container {self._log.name}"
            await self._desk.gap(Gap(*self._log.hole, None, why), _ROOM_HINT)
            self._log.hole = None
        if rows:
            await self._hand(rows)
        return bool(rows)

    async def _hand(self, rows: bytes) -> None:
        reached = Reached(self._log.marks, self._finished, self._unread)
        await self._desk.lines(self._log.container_id, rows, reached)

    async def _say_unread(self, reason: str) -> None:
        if self._unread:
            return
        self._unread = True
        await self._event("log unreadable", {"reason": reason})
        await self._hand(b"")

    async def _event(self, action: str, attributes: Mapping[str, str]) -> None:
        told = {"name": self._log.name, **attributes}
        if driver := self._told.get("logDriver"):
            told["logDriver"] = driver
        await self._desk.event(action, self._log.container_id, told)

    async def _pause(self) -> None:
        """Wait for the next round, or until woken."""
        self._awake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pauses.next()):
                await self._awake.wait()
