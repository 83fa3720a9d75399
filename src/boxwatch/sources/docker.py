"""Containers: the output of each, both streams, and what the engine says happened to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.container_log import ContainerLog, Marks
from boxwatch.sources.docker_cli import Container, DockerCli, refusal
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, chunks, stamp
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.source import Position, Shell

_SETTLED_S: Final = 10.0  # an event stream that lived so long begins its pauses anew


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """How containers are read.

    `journal_read` True leaves containers that log to journald to the journal's source. `follow`
    False reads what is there and ends; `since` is where to begin without a position (None: now).
    """

    follow: bool = True
    since: datetime | None = None
    journal_read: bool = False
    program: str = "docker"
    arguments: tuple[str, ...] = ()
    first_pause_s: float = 1.0
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True, slots=True)
class _LogMark:
    container_id: str
    marks: Marks


class DockerSource:
    """The containers of one Docker engine; implements `Source`.

    Raw kinds `docker` and `docker_events`. Position: `{"since", "events": [ns, n], "containers":
    {id: {stream: [timestamp, n]}}}`, n being how many rows carried that last time. If the clock
    was set back between two runs, rows written in that span can come twice; none is lost.
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
        self._options = DockerOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._cli = DockerCli(shell, self._options.program, self._options.arguments)
        now = self._clock.now() if self._options.since is None else self._options.since
        self._since, self._events, self._handed = _read_position(position, now)
        self._received_events = self._skip_events = self._events
        self._logs: dict[str, ContainerLog] = {}
        self._running: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
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
                self._handed[parcel.mark.container_id] = parcel.mark.marks
            elif isinstance(parcel.mark, tuple):
                self._events = parcel.mark
        for task in [self._task, *self._tasks.values()]:
            if not parcels and task.done():
                task.result()
        return chunks(parcels, self._host, "docker")

    @property
    def done(self) -> bool:
        """True when nothing more will come: never while following."""
        return self._task is not None and self._task.done() and not self._outbox.waiting

    def position(self) -> Position:
        """Where to read on in every container and in the engine's events."""
        return {
            "since": self._since,
            "events": list(self._events),
            "containers": {
                key: {stream: list(mark) for stream, mark in marks.items()}
                for key, marks in self._handed.items()
            },
        }

    async def close(self) -> None:
        """End every docker command."""
        if self._task is not None:
            await stop([self._task, *self._tasks.values()])

    async def probe(self) -> Capability:
        """Whether the engine answers this user."""
        try:
            return Capability("docker", "ok", f"Engine {await self._cli.version()} answers.")
        except SourceError as error:
            return Capability("docker", error.state, error.message, error.hint)

    async def _work(self) -> None:
        pauses = self._options.pauses
        while True:
            started = monotonic()
            try:
                await self._survey()
                self._outbox.add(self._health.tell("ok"))
                await self._take_events()
                if not self._options.follow:
                    await asyncio.gather(*self._tasks.values())
                    return
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

    async def _survey(self) -> None:
        """Look at all containers; follow those that run or wrote since they were left."""
        containers = await self._cli.containers()
        known = {container.container_id for container in containers}
        self._running = {each.container_id for each in containers if each.running}
        for key in [key for key in self._handed if key not in known]:
            self._forget(key)
        for container in containers:
            if container.running or container.finished[:19] >= self._since[:19]:
                self._attend(container)

    def _attend(self, container: Container) -> None:
        """Follow the output of `container`, unless that is done already or elsewhere."""
        key, driver = container.container_id, container.log_driver
        if driver == "none" or (driver == "journald" and self._options.journal_read):
            return
        if key not in self._logs:
            marks = self._handed.get(key, {})
            self._logs[key] = ContainerLog(self._host, key, container.name, marks)
        if key not in self._tasks or self._tasks[key].done():
            self._tasks[key] = begin(self._follow(self._logs[key]), f"docker-{container.name}")

    def _forget(self, key: str) -> None:
        self._handed.pop(key, None)
        self._logs.pop(key, None)
        if key in self._tasks and self._tasks[key].done():
            del self._tasks[key]

    async def _follow(self, log: ContainerLog) -> None:
        """Hand over the output of one container for as long as it runs."""
        pauses = Pauses(self._options.first_pause_s)
        while True:
            came = False
            with contextlib.suppress(SourceError):  # the events' command says it as well
                follow = ["--follow"] if self._options.follow else []
                since = log.resume(self._since)
                argv = self._cli.argv(
                    "logs", "--timestamps", *follow, f"--since={since}", log.container_id
                )
                async with contextlib.aclosing(self._cli.shell.stream(argv)) as stream:
                    async for output in stream:
                        if lines := log.take(output):
                            came = True
                            mark = _LogMark(log.container_id, log.marks)
                            await self._outbox.put(Parcel("docker", lines, mark))
            if log.container_id not in self._running or not self._options.follow:
                return
            if b"does not support reading" in log.complaint:
                return
            if came:
                pauses.reset()
            await asyncio.sleep(pauses.next())

    async def _take_events(self) -> None:
        """Hand over the engine's events until its command ends.

        Raises:
            SourceError: it ended although it should follow.

        """
        argv = self._cli.argv(
            "events", "--format={{json .}}", f"--since={_seconds(self._received_events[0])}"
        )
        if not self._options.follow:
            argv.append(f"--until={_seconds(to_micros(self._clock.now()) * 1000)}")
        self._skip_events = self._received_events
        complaint = b""
        async with contextlib.aclosing(self._cli.shell.stream(argv)) as stream:
            async for output in stream:
                if output.error:
                    complaint = output.data
                    continue
                events = [event for line in output.data.splitlines() if (event := self._new(line))]
                rows = b"".join(
                    orjson.dumps({**event, "host": self._host}, option=orjson.OPT_APPEND_NEWLINE)
                    for event in events
                )
                await self._outbox.put(Parcel("docker_events", rows, self._received_events))
                for event in events:
                    await self._heed(event)
        if self._options.follow:
            raise refusal(complaint)

    def _new(self, line: bytes) -> dict[str, object]:
        """The event of `line`, counted as received; empty if it was received before."""
        try:
            event: dict[str, object] = orjson.loads(line)
            at = event["timeNano"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return {"unreadable": line.decode("utf-8", "backslashreplace")}  # for quarantine
        if not isinstance(at, int):
            return event
        last, count = self._skip_events
        if at < last:
            return {}
        if at == last and count:
            self._skip_events = (last, count - 1)
            return {}
        last, count = self._received_events
        self._received_events = (at, count + 1 if at == last else 1)
        return event

    async def _heed(self, event: Mapping[str, object]) -> None:
        """Do what an event asks for: follow a started container, forget a destroyed one."""
        actor = event.get("Actor")
        if event.get("Type") != "container" or not isinstance(actor, Mapping):
            return
        key, action = str(actor.get("ID")), event.get("Action")
        if action == "start":
            self._running.add(key)
            for container in await self._cli.inspect([key]):
                self._attend(container)
        elif action == "die":
            self._running.discard(key)
        elif action == "destroy":
            self._running.discard(key)
            self._forget(key)
        elif action == "rename" and key in self._logs:
            attributes = actor.get("Attributes")
            if isinstance(attributes, Mapping):
                self._logs[key].name = str(attributes.get("name"))


def _seconds(nanos: int) -> str:
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"


def _read_position(
    position: Position | None, now: datetime
) -> tuple[str, tuple[int, int], dict[str, Marks]]:
    """Where to begin: the time, the last event, and the marks of each container."""
    if not position:
        return stamp(now), (to_micros(now) * 1000, 0), {}
    since, events, containers = (position.get(k) for k in ("since", "events", "containers"))
    if not isinstance(since, str) or not isinstance(events, list | tuple):
        raise SourceError(
            f"{dict(position)!r} is not a position among containers.",
            hint="It needs since, events and containers.",
        )
    handed: dict[str, Marks] = {}
    for key, streams in containers.items() if isinstance(containers, Mapping) else ():
        handed[str(key)] = {stream: (str(at), int(n)) for stream, (at, n) in streams.items()}
    return since, (int(events[0]), int(events[1])), handed
