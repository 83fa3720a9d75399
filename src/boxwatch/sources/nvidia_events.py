"""What is known of cards besides their readings: who uses them, and what the driver's library says.

Everything here becomes records of kind `gpu_events` in the outbox of the source.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from boxwatch.clock import Clock
from boxwatch.errors import SourceError
from boxwatch.sources.nvidia_cards import Card, Cards
from boxwatch.sources.nvidia_instances import read_instances
from boxwatch.sources.nvidia_processes import Process, Processes
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, stamp
from boxwatch.sources.source import Shell

LIBRARY: Final = "nvml"
_MOST_WAITING: Final = 1000
_UNREAD: Final = "[NVML: not read]"
_MIG: Final = "mig.mode.current"
_SHARED: Final = "libnvidia-ml.so.1"


@dataclass(frozen=True, slots=True)
class Xid:
    """An error that the driver reported of the card with this uuid."""

    uuid: str
    code: int


@dataclass(frozen=True, slots=True)
class DriverNews:
    """What the driver's library told at once.

    `replays` is the PCIe replay counter by uuid of the card: a number, or why it is unknown.
    """

    replays: Mapping[str, str] = field(default_factory=dict[str, str])
    xids: Sequence[Xid] = ()


class Library(Protocol):
    """The driver's own library on this machine."""

    async def news(self) -> DriverNews:
        """What came since the last call; waits about a second for it.

        Raises:
            SourceError: the library is not here (absent), does not return (hung), or fails.

        """
        ...

    def close(self) -> None:
        """Let go of the library; a call that is stuck in it is left alone."""
        ...


class NoLibrary:
    """A machine without the driver's library; implements `Library`."""

    async def news(self) -> DriverNews:
        """Nothing.

        Raises:
            SourceError: always; the state is absent.

        """
        raise SourceError(
            "The library libnvidia-ml.so.1 is not on this machine: PCIe replays are unknown, and "
            "Xid errors are known from the kernel log alone.",
            state="absent",
        )

    def close(self) -> None:
        """Nothing to let go of."""


def has_library() -> bool:
    """True if the driver's library can be loaded here."""
    try:
        ctypes.CDLL(_SHARED)
    except OSError:
        return False
    return True


class CardEvents:
    """Turns what is learnt of `cards` into records."""

    def __init__(self, outbox: Outbox, cards: Cards, host: str, clock: Clock) -> None:
        self._outbox = outbox
        self._cards = cards
        self._host = host
        self._clock = clock
        self._processes: Processes | None = None
        self._used: dict[str, list[Process]] | None = None  # by uuid; None: not known
        self._users: dict[str, frozenset[object]] = {}  # index -> who was last said to use it
        self._parts: dict[str, frozenset[object]] = {}  # index -> its instances, as last told
        self._news: DriverNews | None = None
        self._reported: list[Xid] = []  # errors of cards that nvidia-smi has not told of yet
        self._library = Health(LIBRARY, host, clock)

    def found(self, card: Card) -> None:
        """Say which card this is, if it is new or changed."""
        if self._cards.news(card):
            facts = {"driver_version": card.says("kmd_version"), **card.facts}
            self._add(card, {"what": "card", **facts})
        if self._reported:
            self._tell_xids(card)

    def counted(self, card: Card) -> tuple[str | None, str | None]:
        """How many processes compute on `card`, and its PCIe replays; null before it is known."""
        used = None if self._used is None else str(len(self._used.get(card.says("uuid"), [])))
        if self._news is None:
            return used, None
        return used, self._news.replays.get(card.says("uuid"), _UNREAD)

    async def list_processes(self, shell: Shell | None, program: str, limit_s: float) -> None:
        """Read the processes, and say who uses each card; without a shell nothing is known."""
        if shell is None:
            self._used = None
            return
        if self._processes is None:
            self._processes = Processes(shell, program)
        try:
            self._used = await self._processes.read(limit_s)
        except SourceError:  # the reader of the cards says it
            self._used = None
        if self._used is None:
            return
        for card in self._cards.beside([]):
            listed = self._used.get(card.says("uuid"), [])
            users = frozenset((one["pid"], one["name"], one["owner"]) for one in listed)
            changed = users != self._users.get(card.index, frozenset())
            self._users[card.index] = users
            if listed or changed:
                self._add(card, {"what": "processes", "changed": changed, "processes": listed})

    async def list_instances(self, shell: Shell | None, program: str, limit_s: float) -> None:
        """Read what split cards are split into, where there are any."""
        split = [card for card in self._cards.beside([]) if card.says(_MIG) == "Enabled"]
        if shell is None or not split:
            return
        try:
            listed = await read_instances(shell, program, limit_s)
        except SourceError:  # the reader of the cards says it
            listed = None
        if listed is None:
            return
        by_card = {card.index: ones for at, ones in listed.items() if (card := self._cards.at(at))}
        for card in split:
            ones = by_card.get(card.index, [])
            parts = frozenset((one["instance"], one.get("memory_total")) for one in ones)
            changed = parts != self._parts.get(card.index)
            self._parts[card.index] = parts
            self._add(card, {"what": "mig", "changed": changed, "instances": ones})

    async def listen(self, library: Library) -> None:
        """Take what the library tells, for as long as this runs; it may never answer."""
        pauses = Pauses()
        while True:
            try:
                self._news = await library.news()
            except SourceError as error:
                self._news = DriverNews()
                self._outbox.add(self._library.tell(error.state, error.message, error.hint))
                if error.state == "absent":
                    return
                await asyncio.sleep(pauses.next())
                continue
            pauses.reset()
            self._outbox.add(self._library.tell("ok"))
            self._reported = [*self._reported, *self._news.xids][-_MOST_WAITING:]
            for uuid in {xid.uuid for xid in self._reported}:
                card = self._cards.of(uuid)
                if card is not None:
                    self._tell_xids(card)

    def _tell_xids(self, card: Card) -> None:
        uuid = card.says("uuid")
        for xid in self._reported:
            if xid.uuid == uuid:
                self._add(card, {"what": "xid", "xid": xid.code, **card.facts})
        self._reported = [xid for xid in self._reported if xid.uuid != uuid]

    def _add(self, card: Card, facts: Mapping[str, object]) -> None:
        record = {
            "host": self._host,
            "collected_at": stamp(self._clock.now()),
            **card.identity(),
            **facts,
        }
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._outbox.add(Parcel("gpu_events", line))
