"""The kernel's log of a host that is read with commands: `cat /dev/kmsg`, else `dmesg`.

Both print what the ring holds and wait for more, as long as they live; where they are refused, the
journal may still carry the kernel's lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from boxwatch.clock import Clock, SystemClock, from_micros, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.background import Background
from boxwatch.sources.capability import Capability
from boxwatch.sources.kernel import DENIED_HINT, OVERWRITTEN, RING_HINT, KernelOptions
from boxwatch.sources.kernel_records import Boot, Record, dmesg_records, kmsg_records
from boxwatch.sources.notices import Gap, gap_notice
from boxwatch.sources.outbox import Health, Parcel, chunks, first_line
from boxwatch.sources.source import Position, Shell

_BOOT: Final = ("cat", "/proc/sys/kernel/random/boot_id", "/proc/uptime", "/proc/stat")
_NEWEST: Final = ("sh", "-c", "dmesg --raw | tail -n 20")
_LIMIT_S: Final = 10.0
_LIMIT_BYTES: Final = 4 << 20  # /proc/stat of a machine with thousands of interrupts
_BURST_S: Final = 5.0  # how long what the ring held before takes to come
_AGREE_US: Final = 1_500_000  # /proc/stat tells the boot to the second


@dataclass(frozen=True, slots=True)
class _Way:
    """A command that prints the log, and how its lines are read."""

    argv: Sequence[str]
    records: Callable[[Iterable[bytes]], Iterator[Record]]


class KernelStream:
    """The kernel ring buffer of the host behind `shell`; implements `Source`.

    Raw kind `kernel`. Position: `{"boot_id", "sequence", "booted_us", "micros"}`; where only dmesg
    may be run there are no numbers, and reading resumes by time. Records that the ring overwrote
    before they were read are a gap.
    """

    name = "kernel"

    def __init__(
        self,
        shell: Shell,
        host: str,
        position: Position | None = None,
        options: KernelOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._shell = shell
        self._host = host
        self._options = KernelOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._passed: dict[str, object] = dict(position) if position else {}
        self._position: Position = dict(self._passed)
        device = str(self._options.device)
        self._ways = (
            _Way(("cat", device), kmsg_records),
            _Way(("dmesg", "--raw", "--follow"), dmesg_records),
        )
        self._work_aside = Background(self.name, self._work)
        self._outbox = self._work_aside.outbox
        self._health = Health(self.name, host, self._clock)
        self._pauses = self._options.pauses
        self._boot = Boot(host, "", 0)
        self._fresh_us = 0  # records before it were there before this source began

    async def read(self) -> list[RawChunk]:
        """Records since the last call."""
        parcels = self._work_aside.take()
        for parcel in parcels:
            if isinstance(parcel.mark, dict):
                self._position = parcel.mark
        return chunks(parcels, self._host, "kernel log")

    def position(self) -> Position:
        """Boot, number and time of the last record handed over."""
        return dict(self._position)

    async def close(self) -> None:
        """End the command."""
        await self._work_aside.stop()

    async def probe(self) -> Capability:
        """Whether this user may read the kernel log of that host."""
        device = str(self._options.device)
        try:
            done = await self._shell.run(["dmesg", "--raw"], limit_s=_LIMIT_S, limit_bytes=1)
            if done.stdout:
                return Capability(self.name, "ok", f"{device} or dmesg can be read.")
            said = first_line(done.stderr)
        except SourceError as error:
            return Capability(self.name, error.state, error.message, error.hint)
        return Capability(self.name, "denied", said, DENIED_HINT)

    async def _work(self) -> None:
        while True:
            try:
                await self._begin_boot()
                await self._follow_one()
            except SourceError as error:
                told = self._health.tell(error.state, error.message, error.hint)
                self._outbox.add(told)
            await asyncio.sleep(self._pauses.next())

    async def _begin_boot(self) -> None:
        """Learn which boot this is, and when it was.

        Raises:
            SourceError: the host does not tell.

        """
        done = await self._shell.run(_BOOT, limit_s=_LIMIT_S, limit_bytes=_LIMIT_BYTES)
        text = done.stdout.decode("ascii", "replace")
        told = re.match(r"([0-9a-f-]{36})\s+(\d+\.\d+) ", text)
        if told is None:
            raise SourceError("The host does not tell its boot id and uptime.")
        up_us = int(float(told[2]) * 1e6)
        newest_us = await self._newest_us()
        booted_us = to_micros(self._clock.now()) - up_us
        second = re.search(r"^btime (\d{1,12})$", text, re.MULTILINE)
        if second is not None and abs(int(second[1]) * 1_000_000 - booted_us) > _AGREE_US:
            booted_us = int(second[1]) * 1_000_000  # that host's clock is not ours
        known = self._passed.get("booted_us")
        if self._passed.get("boot_id") != told[1]:
            # A first start begins now; a host that was booted anew is read from its start.
            now_us = up_us if newest_us is None else newest_us + 1
            self._fresh_us = 0 if self._passed or self._options.since is not None else now_us
            self._passed = {}
        elif isinstance(known, int):
            booted_us = known
        self._boot = Boot(self._host, told[1], booted_us)

    async def _newest_us(self) -> int | None:
        """When the newest record came, by the ring's own clock; None where dmesg does not tell.

        That clock can be seconds behind /proc/uptime: on virtual machines that were paused, say.

        Raises:
            SourceError: the host cannot be reached or was lost.

        """
        done = await self._shell.run(_NEWEST, limit_s=_LIMIT_S, limit_bytes=_LIMIT_BYTES)
        records = dmesg_records(done.stdout.split(b"\n"))
        return max((one.micros for one in records if one.micros is not None), default=None)

    async def _follow_one(self) -> None:
        """Take records in the first way that gives any."""
        refusals = []
        for way in self._ways:
            said = await self._follow(way)
            if said is None:
                return
            refusals.append(said)
        reason = "; ".join(refusals)[:300]
        self._outbox.add(self._health.tell("denied", reason, DENIED_HINT))

    async def _follow(self, way: _Way) -> str | None:
        """Take records until the command ends; what it complained of if it gave none."""
        said, came = "", False
        began = monotonic()
        try:
            async with contextlib.aclosing(self._shell.stream(way.argv)) as stream:
                async for output in stream:
                    if output.error:
                        said = first_line(output.data) or said
                        continue
                    came = True
                    self._outbox.add(self._health.tell("ok"))
                    self._pauses.reset()
                    if monotonic() - began > _BURST_S:
                        self._fresh_us = 0
                    for parcel in self._parcels(way.records(output.data.split(b"\n"))):
                        await self._outbox.put(parcel)
        except SourceError as error:
            if error.state not in ("absent", "denied"):
                raise
            said = error.message
        return None if came else said or f"{way.argv[0]} prints nothing"

    def _parcels(self, records: Iterable[Record]) -> Iterator[Parcel]:
        """The new ones among `records`, with the position after them, and gaps before them."""
        lines: list[bytes] = []
        for record in records:
            lost = self._lost_before(record)
            if lost is None:
                continue
            at = from_micros(self._boot.booted_us + (record.micros or self._micros))
            if lost:
                since = from_micros(self._boot.booted_us + self._micros)
                gap = Gap(since, at, lost, OVERWRITTEN)
                yield gap_notice(self._host, "kernel", gap, RING_HINT)
            record.micros = self._micros if record.micros is None else record.micros
            self._passed = {
                "boot_id": self._boot.identity,
                "sequence": record.sequence,
                "booted_us": self._boot.booted_us,
                "micros": record.micros,
            }
            late = self._options.since is not None and at < self._options.since
            if record.micros >= self._fresh_us and not late:
                lines.append(self._boot.row(record))
        yield Parcel("kernel", b"".join(lines), dict(self._passed))

    @property
    def _micros(self) -> int:
        micros = self._passed.get("micros")
        return micros if isinstance(micros, int) else 0

    def _lost_before(self, record: Record) -> int | None:
        """How many records are missing before `record`; None if it was handed over already."""
        sequence = self._passed.get("sequence")
        if record.sequence is not None and isinstance(sequence, int):
            return None if record.sequence <= sequence else record.sequence - sequence - 1
        seen = bool(self._passed) and record.micros is not None and record.micros <= self._micros
        return None if seen else 0
