"""The simulated machine as columns over true time: what is asked of it, second by second.

The ordinary day fills these columns, the faults change them, the physics turns them into readings.
All arrays have one element a second of true time; the wall clock is true time plus `clock_error`.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.clock import to_micros
from boxwatch.sources.simulated.card_model import WORKSTATION, Build

Series = NDArray[np.float64]

GIB: Final = 2.0**30
MIB: Final = 2.0**20


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one subsystem: independent of what any other one draws."""
    key = zlib.crc32(name.encode())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))


@dataclass(frozen=True, slots=True)
class Span:
    """What is simulated: `seconds` seconds from `start`."""

    start: datetime
    seconds: int

    @property
    def micros(self) -> int:
        """The start as microseconds since the epoch."""
        return to_micros(self.start)

    def at(self, second: float) -> datetime:
        """The instant `second` seconds after the start."""
        return self.start + timedelta(seconds=round(second, 3))

    def zeros(self, value: float = 0.0) -> Series:
        """A column of `value`."""
        return np.full(self.seconds, value)

    def hour_of_day(self) -> Series:
        """The hour of the day, 0-24, of every second."""
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        first = (self.start - midnight).total_seconds()
        return ((first + np.arange(self.seconds)) / 3600) % 24

    def daily(self, hour: float) -> list[float]:
        """The seconds of this span at which the clock shows `hour`."""
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        first = hour * 3600 - (self.start - midnight).total_seconds()
        return [s for s in np.arange(first, self.seconds, 86400.0).tolist() if s >= 0]

    def every(self, period: float, phase: float = 0.0) -> Series:
        """The seconds of this span at which the epoch time is `phase` modulo `period`."""
        first = (phase - self.start.timestamp()) % period
        return np.arange(first, self.seconds, period)


class Lines:
    """Log lines and container events, in any order.

    `mute` and `drop` take away some of what was said so far, `turn` changes it.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[float, str, int, str, str]] = []  # time, channel, level, text, about
        self.events: list[tuple[float, str, str, dict[str, str]]] = []

    def add(self, second: float, channel: str, text: str, level: int = 6, about: str = "") -> None:
        """One line. `level` is the syslog priority.

        `about` is what it speaks of: the unit (systemd), the service behind a page (open-webui).
        """
        self.rows.append((second, channel, level, text, about))

    def event(self, second: float, container: str, action: str, **attributes: str) -> None:
        """One container event, as `docker events` tells it."""
        self.events.append((second, container, action, attributes))

    def mute(
        self, channel: str, start: float, end: float, *, about: str = "", events: bool = False
    ) -> None:
        """Drop what `channel` says from `start` to `end`, or only what it says about one thing.

        The events of the container go too, if asked.
        """
        self.rows = [
            row
            for row in self.rows
            if row[1] != channel or not start <= row[0] < end or (about != "" and row[4] != about)
        ]
        if events:
            self.events = [e for e in self.events if e[1] != channel or not start <= e[0] < end]

    def said(self, channel: str, phrase: str, end: float) -> int:
        """How often `channel` says a line that contains `phrase` before `end`."""
        return sum(row[1] == channel and row[0] < end and phrase in row[3] for row in self.rows)

    def drop(self, channel: str, start: float, end: float, phrase: str) -> None:
        """Drop the lines of `channel` from `start` to `end` that contain `phrase`."""
        self.rows = [
            row
            for row in self.rows
            if row[1] != channel or not start <= row[0] < end or phrase not in row[3]
        ]

    def turn(self, channel: str, start: float, end: float, other: Callable[[str], str]) -> None:
        """Make what `channel` says from `start` to `end` what `other` makes of it."""
        self.rows = [
            (row[0], row[1], row[2], other(row[3]), row[4])
            if row[1] == channel and start <= row[0] < end
            else row
            for row in self.rows
        ]


@dataclass(slots=True)
class Card:
    """What is asked of one GPU, and what is broken about it."""

    util: Series  # share of time a kernel runs, 0-1
    watts: Series  # power above the floor that the work would draw at full clock
    memory: Series  # MiB in use
    processes: Series
    fan_cap: Series  # the fan reaches at most this, 0-1
    clock_cap: Series  # external power brake: the clock reaches at most this share
    gen_cap: Series
    width: Series
    ecc: Series  # corrected errors in this second
    gone: Series  # 0 answers, 1 answers with errors, 2 and 3 it is not listed (3: no tool fails)
    limit: Series  # power limit, of the ordinary one
    pinned: Series  # the clock is stuck at most at this share, for no reason that is told
    uncorrected: Series  # uncorrected errors in this second
    remapped: Series  # rows set aside for uncorrected errors so far
    pending: Series  # 1 while a row waits for a reset to be set aside
    recovery: Series  # what the driver asks for: 0 nothing, 1 a reset
    resets: list[int] = field(default_factory=list)  # counters start at zero here


@dataclass(slots=True)
class Host:
    """What is asked of the machine itself."""

    cpu: Series  # cores busy
    memory: Series  # bytes of programs
    swap: Series  # bytes swapped out
    stall: Series  # share of time tasks wait for memory, 0-1
    read: Series  # bytes a second
    written: Series
    latency: Series  # factor on the time of a disk operation
    blocked: Series  # tasks that wait for the disk beyond the ordinary
    processes: Series
    running: Series  # tasks ready to run that burn no processor time to speak of
    root_used: Series  # bytes
    data_used: Series
    received: Series  # bytes a second
    sent: Series
    packets: Series  # received packets a second beyond what the bytes need
    drops: Series  # packets a second


@dataclass(slots=True)
class World:
    """The whole box over the whole span.

    `silent` are times in which its GPU tool gives no reading: from, to, state, reason, hint.
    """

    span: Span
    seed: int
    name: str
    cards: list[Card]
    host: Host
    clock_error: Series  # seconds the wall clock is ahead
    build: Build = WORKSTATION
    lines: Lines = field(default_factory=Lines)
    finished: dict[str, Series] = field(default_factory=dict)  # when requests of a service end
    silent: list[tuple[int, int, str, str, str]] = field(default_factory=list)

    def random(self, name: str) -> np.random.Generator:
        """The random numbers of the subsystem `name`."""
        return stream(self.seed, name)

    def finished_between(self, service: str, start: float, end: float) -> Series:
        """The requests of `service` that would end from `start` to `end`."""
        times = self.finished.get(service, np.empty(0))
        return times[bisect_left(times, start) : bisect_left(times, end)]


def new_world(span: Span, seed: int, name: str, build: Build) -> World:
    """A box that is switched on and does nothing."""

    def card() -> Card:
        return Card(
            util=span.zeros(),
            watts=span.zeros(),
            memory=span.zeros(4.0),
            processes=span.zeros(),
            fan_cap=span.zeros(1.0),
            clock_cap=span.zeros(1.0),
            gen_cap=span.zeros(build.card.generation),
            width=span.zeros(16.0),
            ecc=span.zeros(),
            gone=span.zeros(),
            limit=span.zeros(1.0),
            pinned=span.zeros(1.0),
            uncorrected=span.zeros(),
            remapped=span.zeros(),
            pending=span.zeros(),
            recovery=span.zeros(),
        )

    host = Host(*(span.zeros() for _ in range(16)))
    host.latency += 1.0
    cards = [card() for _ in range(build.gpus)]
    return World(span, seed, name, cards, host, span.zeros(), build)


def spread(span: Span, starts: Series, ends: Series, weight: Series) -> Series:
    """How much of `weight` is at work in each second: the sum over intervals that cover it."""
    steps = np.zeros(span.seconds + 2)
    last = span.seconds
    for edges, sign in ((starts, 1.0), (ends, -1.0)):
        edge = np.clip(edges, 0, last)
        whole = np.floor(edge).astype(np.int64)
        part = edge - whole
        np.add.at(steps, whole, sign * weight * (1 - part))
        np.add.at(steps, whole + 1, sign * weight * part)
    return np.maximum(np.cumsum(steps)[: span.seconds], 0.0)


def follow(target: Series, seconds: float, first: float) -> Series:
    """A first-order lag behind `target` with the time constant `seconds`."""
    share = 1.0 - np.exp(-1.0 / seconds)
    value = first
    out = []
    for goal in target.tolist():  # each value needs the one before it
        value += share * (goal - value)
        out.append(value)
    return np.array(out)
