"""NVIDIA GPUs: one `nvidia-smi` that prints a reading every interval.

A hung nvidia-smi (the driver holds it in the kernel) is reported, killed or left alone, and not
started again while it lives. That the driver as a whole does not answer is said of the source, and
of no card. A card that is gone from the answers while others are there, that nvidia-smi names as
lost, or that nothing can be read of, is handed over as a row whose values all say why.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, monotonic
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.nvidia_cards import Card, Cards
from boxwatch.sources.nvidia_events import CardEvents, Library
from boxwatch.sources.nvidia_fields import (
    WANTED,
    cells,
    has_no_cards,
    is_header,
    lost_card,
    refused_field,
)
from boxwatch.sources.nvidia_rows import REPLAYS, Flow, Seldom
from boxwatch.sources.nvidia_tool import FAILING_HINT, HINTS, LIMIT_BYTES, Tool
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, chunks, stamp
from boxwatch.sources.patience import begin, patient, stop
from boxwatch.sources.source import Position, Shell

GONE: Final = "gone from nvidia-smi"
_ALL_AGAIN_S: Final = 300.0  # how long only the other cards are asked for after one was lost


@dataclass(frozen=True, slots=True)
class NvidiaOptions:
    """How the GPUs are read: every `interval_s`.

    A reader is hung after `quiet_intervals` of them without a row, or `first_row_s` without the
    first (a driver that is not kept loaded takes seconds to start). Computing processes, and the
    instances of split cards, are no fields of the query; they are listed by commands of their own,
    every `processes_every_s` (0: never). `library` reads what the query lacks, where there is one.
    """

    interval_s: float = 1.0
    processes_every_s: float = 30.0
    quiet_intervals: float = 5.0
    first_row_s: float = 20.0
    program: str = "nvidia-smi"
    pauses: Pauses = field(default_factory=Pauses)
    library: Library | None = None


class NvidiaSource:
    """The NVIDIA GPUs of one machine; implements `Source`.

    Raw kinds `gpu`, one row a GPU and reading, and `gpu_events`, both stamped by our clock.
    Position: `{"gpus"}`, what identifies each card seen so far: one that is missing after a restart
    is missed, and each keeps its index.
    """

    name = "nvidia"

    def __init__(
        self,
        shell: Shell,
        host: str,
        position: Position | None = None,
        options: NvidiaOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._shell = shell
        self._host = host
        self._options = NvidiaOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._tool = Tool(shell, self._options.program)
        self._cards = Cards(position)
        self._fields: list[str] = []
        self._refused: set[str] = set()
        self._seldom = Seldom()
        self._reading: dict[str, bytes] = {}  # index -> row, of the reading that is coming in
        self._expected: set[str] = set()  # the cards of the reading before
        self._last_number = -1  # the number nvidia-smi gave the last card of it
        self._taken_at = ""
        self._lost: dict[str, str] = {}  # index -> nvidia-smi's words for why
        self._outbox = Outbox()
        self._health = Health(self.name, host, self._clock)
        self._events = CardEvents(self._outbox, self._cards, host, self._clock)
        self._tasks: list[asyncio.Task[None]] = []

    async def read(self) -> list[RawChunk]:
        """Readings since the last call."""
        if not self._tasks:
            self._tasks = [begin(self._work(), self.name)]
            if self._options.processes_every_s:
                self._tasks.append(begin(self._list_processes(), "nvidia-processes"))
            if self._options.library is not None:
                self._tasks.append(begin(self._events.listen(self._options.library), "nvml"))
        parcels = self._outbox.take()
        for task in self._tasks:
            if not parcels and task.done():
                task.result()
        return chunks(parcels, self._host, "nvidia-smi")

    def position(self) -> Position:
        """The cards seen so far."""
        return {"gpus": self._cards.save()} if len(self._cards) else {}

    async def close(self) -> None:
        """End nvidia-smi and whatever reads beside it."""
        await stop(self._tasks)
        if self._options.library is not None:
            self._options.library.close()

    async def probe(self) -> Capability:
        """Whether nvidia-smi is here and answers within five seconds."""
        return await self._tool.probe()

    async def _work(self) -> None:
        while True:
            try:
                self._fields = await self._tool.fields(self._options.first_row_s, self._refused)
                said = await self._follow()
                await self._ended(said)
            except SourceError as error:
                await self._fail(error)
            await asyncio.sleep(self._options.pauses.next())

    async def _follow(self) -> str:
        """Take readings until nvidia-smi ends; its last words, empty if it is only to start anew.

        Raises:
            SourceError: it hangs or floods.

        """
        interval = self._options.interval_s
        argv = [
            self._options.program,
            f"--query-gpu={','.join(self._fields)}",
            "--format=csv,nounits",
            f"--loop-ms={max(1, round(interval * 1000))}",
        ]
        if self._lost:
            others = [card.says("pci.bus_id") for card in self._cards.beside(self._lost)]
            argv += [f"--id={','.join(others)}"] if all(others) and others else []
        quiet = self._options.quiet_intervals * interval
        until = monotonic() + _ALL_AGAIN_S
        flow = Flow(LIMIT_BYTES, max(interval, 1.0))
        self._expected, self._last_number = set(), -1
        said = ""
        stream = patient(self._shell.stream(argv), max(self._options.first_row_s, quiet), quiet)
        async with contextlib.aclosing(stream):
            async for output in stream:
                flow.add(len(output.data))
                for line in output.data.decode("utf-8", "backslashreplace").splitlines():
                    if output.error or not await self._take(line):
                        said = line.strip() or said
                if self._lost and monotonic() > until:
                    self._lost.clear()  # one that was reset answers again
                    return ""
        return said or "it said nothing"

    async def _ended(self, said: str) -> None:
        """What it means that nvidia-smi ended by itself with these words.

        Raises:
            SourceError: it fails as a whole.

        """
        refused, lost = refused_field(said), lost_card(said)
        if refused is not None:
            self._refused.add(refused)
            self._options.pauses.reset()
            return
        if not said:
            return
        card = self._cards.only() if has_no_cards(said) else None
        if lost is not None:
            card = self._cards.at(lost.bus_id)
        if card is None:
            absent = has_no_cards(said) and not len(self._cards)
            state = "absent" if absent else "failing"
            raise SourceError(f"nvidia-smi ended: {said}"[:300], hint=FAILING_HINT, state=state)
        self._lost[card.index] = said[:300] if lost is None else lost.words
        if self._cards.beside(self._lost):
            self._options.pauses.reset()
        await self._hand_over(sorted(self._lost))

    async def _take(self, line: str) -> bool:
        """Take one line of output; False if it is no reading."""
        values = cells(line)
        if is_header(line, self._fields):
            return True
        row = dict(zip(self._fields, values, strict=False))
        if len(values) != len(self._fields) or not row["index"].isdecimal():
            return False
        number = int(row["index"])
        card = self._cards.take(row)
        late = not self._reading and number > self._last_number >= 0
        if card.index in self._reading:
            await self._close_reading()
        if not self._reading and not late:
            self._taken_at = stamp(self._clock.now())
        self._lost.pop(card.index, None)
        self._events.found(card)
        self._reading[card.index] = self._row(self._whole_row(card, row))
        self._last_number = max(number, self._last_number if len(self._reading) > 1 else -1)
        if late:  # a card more than in the reading before, which was taken to be complete
            self._expected.add(card.index)
            await self._hand_over([])
        elif self._expected and self._reading.keys() >= self._expected:
            await self._close_reading()
        return True

    def _whole_row(self, card: Card, row: Mapping[str, str]) -> dict[str, str]:
        count, replays = self._events.counted(card)
        whole = {**row, **card.identity()}
        whole |= {} if count is None else {"compute_processes": count}
        whole |= {} if replays is None else {REPLAYS: replays}
        return self._seldom.thin(card.index, whole, self._clock.now().timestamp())

    async def _close_reading(self) -> None:
        """Hand over one reading of all cards; one that is missing gets a row that says so."""
        self._expected = set(self._reading)
        missing = self._cards.missing(self._reading, self._clock.now().timestamp())
        self._options.pauses.reset()
        self._outbox.add(self._health.tell("ok"))
        await self._hand_over([card.index for card in missing])

    async def _hand_over(self, blank: Sequence[str]) -> None:
        """Give out the rows that came, and rows without values for the cards of `blank`."""
        if not self._reading:
            self._taken_at = stamp(self._clock.now())
        rows, self._reading = [*self._reading.values()], {}
        cards = {card.index: card for card in self._cards.beside([])}
        rows += [self._blank(cards[index]) for index in blank if index in cards]
        await self._outbox.put(Parcel("gpu", b"".join(rows)))

    async def _fail(self, error: SourceError) -> None:
        """Hand over what came of the last reading; then say once that there is no more."""
        if self._reading:
            await self._hand_over([])
        hint = HINTS.get(error.state, error.hint)
        self._outbox.add(self._health.tell(error.state, error.message, hint))

    async def _list_processes(self) -> None:
        while True:
            ready = self._health.state == "ok"
            asked = (self._shell if ready else None, self._options.program)
            await self._events.list_processes(*asked, self._options.first_row_s)
            await self._events.list_instances(*asked, self._options.first_row_s)
            await asyncio.sleep(self._options.processes_every_s if ready else 1.0)

    def _blank(self, card: Card) -> bytes:
        fields = self._fields if self._fields else [names[0] for names in WANTED]
        reason = self._lost.get(card.index, GONE)
        values = {**dict.fromkeys(fields, reason), **card.identity()}
        return self._row(self._seldom.thin(card.index, values, self._clock.now().timestamp()))

    def _row(self, values: Mapping[str, str]) -> bytes:
        record = {"host": self._host, "collected_at": self._taken_at, **values}
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
