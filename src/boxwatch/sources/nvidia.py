"""NVIDIA GPUs: one `nvidia-smi` that prints a reading every interval.

A hung nvidia-smi (the driver holds it in the kernel) is reported, killed or left alone, and not
started again while it lives. A GPU that is gone from the answers, or that nothing can be read of,
is handed over as a row whose values all say why.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.nvidia_fields import IDENTITY, WANTED, cells, choose, is_header
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, chunks, first_line, stamp
from boxwatch.sources.patience import begin, patient, stop
from boxwatch.sources.source import Position, Shell

GONE: Final = "gone from nvidia-smi"
ABSENT_HINT: Final = "Install the NVIDIA driver if this machine has an NVIDIA GPU."
FAILING_HINT: Final = "See `dmesg | grep -i nvrm`; a driver that does not load cannot be read."
HUNG_HINT: Final = "The driver does not answer. See `dmesg | grep -i xid`; a reboot may be needed."
PROBE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class NvidiaOptions:
    """How the GPUs are read: every `interval_s`.

    A reader is hung after `quiet_intervals` of them without a row, or `first_row_s` without the
    first (a driver that is not kept loaded takes seconds to start). Computing processes are no
    field of the query; they are counted by a command of their own, every `processes_every_s`
    (0: never).
    """

    interval_s: float = 1.0
    processes_every_s: float = 30.0
    quiet_intervals: float = 5.0
    first_row_s: float = 20.0
    program: str = "nvidia-smi"
    pauses: Pauses = field(default_factory=Pauses)


Card = Mapping[str, str]


class NvidiaSource:
    """The NVIDIA GPUs of one machine; implements `Source`.

    Raw kind `gpu`, one row a GPU and reading, stamped by our clock. Position: `{"gpus"}`, what
    identifies each card seen so far, so that one which is missing after a restart is missed.
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
        self._known: dict[str, Card] = _read_position(position)
        self._fields: list[str] = []
        self._reading: dict[str, bytes] = {}  # index -> row, of the reading that is coming in
        self._taken_at = ""
        self._repeated = False  # the reader has begun a second reading: all cards are known
        self._processes: Counter[str] | None = None  # by uuid; None before they were counted
        self._outbox = Outbox()
        self._health = Health(self.name, host, self._clock)
        self._tasks: list[asyncio.Task[None]] = []

    async def read(self) -> list[RawChunk]:
        """Readings since the last call."""
        if not self._tasks:
            self._tasks = [begin(self._work(), self.name)]
            if self._options.processes_every_s:
                self._tasks.append(begin(self._count_processes(), "nvidia-processes"))
        parcels = self._outbox.take()
        for task in self._tasks:
            if not parcels and task.done():
                task.result()
        return chunks(parcels, self._host, "nvidia-smi")

    def position(self) -> Position:
        """The cards seen so far."""
        return {"gpus": [dict(card) for card in self._known.values()]} if self._known else {}

    async def close(self) -> None:
        """End nvidia-smi."""
        await stop(self._tasks)

    async def probe(self) -> Capability:
        """Whether nvidia-smi is here and answers within five seconds."""
        try:
            fields = await self._discover(PROBE_S)
            argv = [self._options.program, "--query-gpu=name", "--format=csv,noheader"]
            done = await self._shell.run(argv, limit_s=PROBE_S)
        except SourceError as error:
            return Capability("nvidia-smi", error.state, error.message, error.hint)
        if done.status is None:
            reason = f"nvidia-smi did not answer in {PROBE_S:g} s."
            return Capability("nvidia-smi", "hung", reason, HUNG_HINT)
        if done.status != 0:
            said = first_line(done.stdout) or first_line(done.stderr)
            return Capability("nvidia-smi", "failing", said, FAILING_HINT)
        names = ", ".join(done.stdout.decode("utf-8", "replace").split("\n")).strip(", ")
        return Capability("nvidia-smi", "ok", f"{names}; {len(fields)} fields.")

    async def _work(self) -> None:
        while True:
            try:
                self._fields = await self._discover(self._options.first_row_s)
                await self._follow()
            except SourceError as error:
                hint = {"hung": HUNG_HINT, "absent": ABSENT_HINT}.get(error.state, error.hint)
                await self._fail(error.state, error.message, hint)
            await asyncio.sleep(self._options.pauses.next())

    async def _discover(self, limit_s: float) -> list[str]:
        """The fields to ask for.

        Raises:
            SourceError: nvidia-smi is missing, refused, hung or failing.

        """
        done = await self._shell.run([self._options.program, "--help-query-gpu"], limit_s=limit_s)
        if done.status is None:
            raise SourceError(f"nvidia-smi did not answer in {limit_s:g} s.", state="hung")
        fields = choose(done.stdout.decode("utf-8", "replace"))
        if "index" not in fields:
            said = first_line(done.stdout) or first_line(done.stderr) or "it lists no fields"
            raise SourceError(f"nvidia-smi: {said}", hint=FAILING_HINT)
        return fields

    async def _follow(self) -> None:
        """Take readings until nvidia-smi ends.

        Raises:
            SourceError: it hangs, or ended by itself; with its last words.

        """
        interval = self._options.interval_s
        argv = [
            self._options.program,
            f"--query-gpu={','.join(self._fields)}",
            "--format=csv,nounits",
            f"--loop-ms={max(1, round(interval * 1000))}",
        ]
        quiet = self._options.quiet_intervals * interval
        self._repeated = False
        said = ""
        stream = patient(self._shell.stream(argv), max(self._options.first_row_s, quiet), quiet)
        async with contextlib.aclosing(stream):
            async for output in stream:
                for line in output.data.decode("utf-8", "backslashreplace").splitlines():
                    if output.error or not await self._take(line):
                        said = line.strip() or said
        raise SourceError(f"nvidia-smi ended: {said or 'it said nothing'}"[:300], hint=FAILING_HINT)

    async def _take(self, line: str) -> bool:
        """Take one line of output; False if it is no reading."""
        values = cells(line)
        if is_header(line, self._fields):
            return True
        row = dict(zip(self._fields, values, strict=False))
        if len(values) != len(self._fields) or not row["index"].isdigit():
            return False
        index = row["index"]
        if index in self._reading:
            self._repeated = True
            await self._close_reading()
        if not self._reading:
            self._taken_at = stamp(self._clock.now())
        self._known[index] = {name: row[name] for name in IDENTITY if name in row}
        if self._processes is not None and "uuid" in row:
            row["compute_processes"] = str(self._processes[row["uuid"]])
        self._reading[index] = self._row(row)
        if self._repeated and self._reading.keys() >= self._known.keys():
            await self._close_reading()
        return True

    async def _close_reading(self) -> None:
        """Hand over one reading of all cards; one that is missing gets a row that says so."""
        missing = [card for index, card in self._known.items() if index not in self._reading]
        rows = [*self._reading.values(), *(self._blank(card, GONE) for card in missing)]
        self._reading = {}
        self._options.pauses.reset()
        self._outbox.add(self._health.tell("ok"))
        await self._outbox.put(Parcel("gpu", b"".join(rows)))

    async def _fail(self, state: str, reason: str, hint: str) -> None:
        """Hand over what came of the last reading; then say once that there is no more."""
        if self._reading:
            rows, self._reading = self._reading, {}
            await self._outbox.put(Parcel("gpu", b"".join(rows.values())))
        status = self._health.tell(state, reason, hint)
        if status is None:
            return
        self._outbox.add(status)
        self._taken_at = stamp(self._clock.now())
        blank = b"".join(self._blank(card, reason) for card in self._known.values())
        if blank:
            self._outbox.add(Parcel("gpu", blank))

    async def _count_processes(self) -> None:
        argv = [self._options.program, "--query-compute-apps=gpu_uuid", "--format=csv,noheader"]
        while True:
            self._processes = None
            if self._health.state == "ok":
                with contextlib.suppress(SourceError):  # the reader of the cards says it
                    done = await self._shell.run(argv, limit_s=self._options.first_row_s)
                    if done.status == 0:
                        self._processes = Counter(done.stdout.decode("utf-8", "replace").split())
            ready = self._health.state == "ok"
            await asyncio.sleep(self._options.processes_every_s if ready else 1.0)

    def _blank(self, card: Card, reason: str) -> bytes:
        fields = self._fields if self._fields else [names[0] for names in WANTED]
        return self._row({**dict.fromkeys(fields, reason), **card})

    def _row(self, values: Mapping[str, str]) -> bytes:
        record = {"host": self._host, "collected_at": self._taken_at, **values}
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _read_position(position: Position | None) -> dict[str, Card]:
    gpus = position.get("gpus", []) if position else []
    known: dict[str, Card] = {}
    for card in gpus if isinstance(gpus, Sequence) else []:
        if isinstance(card, Mapping) and "index" in card:
            known[str(card["index"])] = {str(key): str(value) for key, value in card.items()}
    return known
