"""Containers: the output of each, both streams, and what the engine says happened to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.container_log import ContainerLog, nine_digits
from boxwatch.sources.container_reader import ContainerReader, Reached, Wishes
from boxwatch.sources.docker_cli import CliEngine
from boxwatch.sources.docker_engine import Engine
from boxwatch.sources.docker_events import Event, EventTail, own_event, read_tail, seconds, subject
from boxwatch.sources.docker_options import DockerOptions
from boxwatch.sources.docker_position import as_position, read_position
from boxwatch.sources.notices import Gap, gap_notice
from boxwatch.sources.outbox import Health, Outbox, Parcel, chunks
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.source import Position, Shell

_SETTLED_S: Final = 10.0  # an event stream that lived so long begins its pauses anew
_LOOK_AT: Final = ("die", "oom", "health_status", "pause", "unpause", "update")


@dataclass(frozen=True, slots=True)
class _LogMark:
    container_id: str
    reached: Reached


class DockerSource:
    """The containers of one engine; implements `Source`.

    Raw kinds `docker` and `docker_events`; among the events are some of our own: `state: …` (what
    `docker inspect` says, at the start and whenever it is another), `log unreadable` and, of the
    type `daemon`, `events missing`. Lines that are lost are a `notice`. Position: see
    `docker_position`. If the clock was set back between two runs, lines written in that span can
    come twice; none is lost.

    Args:
        shell: Where the docker command runs, if the options name no engine.
        host: The name of the machine.
        position: Where to read on.
        options: How to read.
        clock: Tells the time.
    """

    name = "docker"

    def __init__(
        self,
        shell: Shell,
        host: str,
        position: Position | None = None,
        options: DockerOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._options = options = DockerOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._engine: Engine = options.engine or CliEngine(
            shell, options.program, options.arguments
        )
        start = self._clock.now() if options.since is None else options.since
        self._since, self._handed_events, self._handed = read_position(
            position, nine_digits(start), to_micros(start) * 1000
        )
        self._events: EventTail = read_tail(self._handed_events)
        self._wishes = Wishes(
            self._since,
            options.follow,
            options.journal_read,
            options.first_pause_s,
            options.names,
        )
        self._readers: dict[str, ContainerReader] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._gone: set[str] = set()
        self._outbox = Outbox()
        self._health = Health(self.name, host, self._clock)
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> list[RawChunk]:
        """Lines and events since the last call."""
        if self._task is None:
            self._task = begin(self._work(), self.name)
        parcels = self._outbox.take()
        for parcel in parcels:
            if isinstance(parcel.mark, _LogMark):
                self._handed[parcel.mark.container_id] = parcel.mark.reached
            elif isinstance(parcel.mark, dict):
                self._handed_events = parcel.mark
        if not parcels:
            for task in [self._task, *self._tasks.values()]:
                if task.done():
                    task.result()
            self._forget()
        return chunks(parcels, self._host, "docker")

    @property
    def done(self) -> bool:
        """True when nothing more will come: never while following."""
        return self._task is not None and self._task.done() and not self._outbox.waiting

    def position(self) -> Position:
        """Where to read on in every container and in the engine's events."""
        return as_position(self._since, self._handed_events, self._handed)

    async def close(self) -> None:
        """End every connection and every docker command."""
        if self._task is not None:
            await stop([self._task, *self._tasks.values(), *self._looks])

    async def probe(self) -> Capability:
        """Whether the engine answers this user."""
        try:
            count = len(await self._engine.containers())
            return Capability("docker", "ok", f"The engine answers; containers: {count}.")
        except SourceError as error:
            return Capability("docker", error.state, error.message, error.hint)

    async def lines(self, container_id: str, rows: bytes, reached: Reached) -> None:
        """Take what a reader read."""
        await self._outbox.put(Parcel("docker", rows, _LogMark(container_id, reached)))

    async def event(self, action: str, container_id: str, attributes: Mapping[str, str]) -> None:
        """Take what a reader found out."""
        event = own_event("container", action, container_id, attributes, self._now())
        await self._outbox.put(Parcel("docker_events", self._row(event)))

    async def gap(self, gap: Gap, hint: str) -> None:
        """Take that a reader misses lines."""
        await self._outbox.put(gap_notice(self._host, "docker", gap, hint))

    async def _work(self) -> None:
        pauses = self._options.pauses
        while True:
            started = monotonic()
            try:
                await self._survey(again=True)
                self._outbox.add(self._health.tell("ok"))
                if not self._options.follow:
                    await self._take_events()
                    await asyncio.gather(*self._tasks.values())
                    return
                await self._watch()
            except SourceError as error:
                # An engine that answered before is not absent: it fails.
                gone = error.state == "absent" and self._health.state in {"ok", "failing"}
                state = "failing" if gone else error.state
                self._outbox.add(self._health.tell(state, error.message, error.hint))
                if not self._options.follow:
                    return
            if monotonic() - started > _SETTLED_S:
                pauses.reset()
            await asyncio.sleep(pauses.next())

    async def _watch(self) -> None:
        """Take events, and look now and then whether they told everything.

        Raises:
            SourceError: the engine ended, refuses or hangs.

        """
        both = [begin(self._take_events(), "docker-events"), begin(self._recount(), "docker-count")]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(both)
        for task in both:
            if not task.cancelled():
                task.result()
        raise SourceError("The engine's events ended.")

    async def _recount(self) -> None:
        while True:
            await asyncio.sleep(self._options.survey_s)
            await self._survey()
            # The engine reports a change of health once; what lasts is to be heard of.
            for key in [key for key, reader in self._readers.items() if reader.is_ill]:
                self._look(key, again=True)

    async def _survey(self, *, again: bool = False) -> None:
        """Look at all containers; read those that run or wrote since they were left.

        `again` looks also at those that were seen to have stopped.
        """
        containers = await self._engine.containers()
        self._gone |= (set(self._handed) | set(self._readers)) - set(containers)
        for key, running in containers.items():
            if running or again or key not in self._readers:
                self._attend(key)

    def _attend(self, key: str, name: str = "", *, fresh: bool = False) -> None:
        """Have the output of a container read, unless it is being read."""
        self._gone.discard(key)
        if key not in self._readers:
            reached = self._handed.get(key, Reached())
            log = ContainerLog(self._host, key, name, reached.marks)
            reader = ContainerReader(self._engine, log, self, self._clock, self._wishes)
            reader.know(reached)
            self._readers[key] = reader
        if key not in self._tasks or self._tasks[key].done():
            self._tasks[key] = begin(self._readers[key].run(fresh=fresh), f"docker-{key[:12]}")
        else:
            self._readers[key].wake()

    def _forget(self) -> None:
        """Drop removed containers, once all they wrote is handed over."""
        for key in list(self._gone):
            task = self._tasks.get(key)
            if task is None or task.done():
                self._gone.discard(key)
                for table in (self._handed, self._readers, self._tasks):
                    table.pop(key, None)

    async def _take_events(self) -> None:
        """Hand over the engine's events until they end.

        Raises:
            SourceError: the engine fails.

        """
        now = self._now()
        until = "" if self._options.follow else seconds(now)
        stream = self._engine.events(self._events.resume(now), until)
        async with contextlib.aclosing(stream):
            async for lines in stream:
                events, hole = self._events.take(lines)
                if hole:
                    events.insert(0, self._missing(hole))
                events = [event for event in events if not self._is_unwanted(event)]
                rows = b"".join(map(self._row, events))
                # Not `put`: a wait that is cancelled would lose what was just received.
                self._outbox.add(Parcel("docker_events", rows, self._events.position()))
                for event in events:
                    self._heed(event)

    def _missing(self, when: str) -> Event:
        reason = f"{when}: the engine keeps its last 256 events, and forgets them when it ends"
        return own_event("daemon", "events missing", self._host, {"reason": reason}, self._now())

    def _is_unwanted(self, event: Event) -> bool:
        name = subject(event)[1].get("name")
        return event.get("Type") == "container" and self._wishes.leave_out(str(name))

    def _heed(self, event: Mapping[str, Any]) -> None:
        """Do what an event asks for: read a started container, forget a removed one."""
        key, attributes = subject(event)
        if event.get("Type", "container") != "container" or not key:
            return
        action = str(event.get("Action", ""))
        if action == "start":
            self._attend(key, str(attributes.get("name", "")), fresh=True)
        elif action == "destroy":
            self._gone.add(key)
        elif key in self._readers:
            if action == "rename":
                self._readers[key].rename(str(attributes.get("name", "")))
            if action.startswith(_LOOK_AT):
                self._look(key)
            if action == "die":
                self._readers[key].wake()

    def _look(self, key: str, *, again: bool = False) -> None:
        look = begin(self._readers[key].look(again=again), f"docker-look-{key[:12]}")
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    def _row(self, event: Mapping[str, Any]) -> bytes:
        return orjson.dumps({**event, "host": self._host}, option=orjson.OPT_APPEND_NEWLINE)

    def _now(self) -> int:
        return to_micros(self._clock.now()) * 1000
