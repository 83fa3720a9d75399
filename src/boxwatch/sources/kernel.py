"""The kernel's own log, for machines whose journal does not carry it.

/dev/kmsg keeps the records in a ring and hands over one at each read (see `kernel_records`). The
ring itself is the buffer; nothing runs between reads.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from boxwatch.clock import Clock, SystemClock, from_micros, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.kernel_records import Boot, from_kmsg
from boxwatch.sources.notices import Gap, gap_notice
from boxwatch.sources.outbox import Health, Parcel, Pauses, chunks
from boxwatch.sources.source import Position

_RECORD_BYTES: Final = 65536  # a read with less room than the record fails with EINVAL
_TURN_BYTES: Final = 8 << 20  # handed over by one read at most
DENIED_HINT: Final = (
    "Reading the kernel log needs root or CAP_SYSLOG, or `sysctl kernel.dmesg_restrict=0`."
)
OVERWRITTEN: Final = "they were overwritten in the kernel's ring before they were read"
RING_HINT: Final = "A larger ring keeps more: log_buf_len= on the kernel command line."


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """How the kernel log is read; `since` is where to begin without a position (None: now)."""

    since: datetime | None = None
    device: Path = Path("/dev/kmsg")
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    pauses: Pauses = field(default_factory=Pauses)


class KernelSource:
    """The kernel ring buffer of this machine; implements `Source`.

    Raw kind `kernel`. Position: `{"boot_id", "sequence", "booted_us", "micros"}`. Records that the
    ring overwrote before they were read are counted and reported as a gap.
    """

    name = "kernel"

    def __init__(
        self,
        host: str,
        position: Position | None = None,
        options: KernelOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._options = KernelOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._position: dict[str, object] = dict(position) if position else {}
        self._health = Health(self.name, host, self._clock)
        self._pauses = Pauses()
        self._again_at = 0.0
        self._file: int | None = None
        self._boot = Boot(host, "", 0)
        self._last_us = 0  # since boot, of the last record
        self._next: int | None = None  # the sequence number that should come next
        self.lost = 0  # records overwritten before they were read

    async def read(self) -> list[RawChunk]:
        """Records since the last call."""
        parcels: list[Parcel | None] = []
        if self._file is None:
            if monotonic() < self._again_at:
                return []
            try:
                self._open()
            except OSError as error:
                self._again_at = monotonic() + self._pauses.next()
                found = _refusal(error, self._options.device)
                parcels.append(self._health.tell(found.state, found.reason, found.hint))
                return self._chunks(parcels)
            parcels.append(self._health.tell("ok"))
        parcels += self._drain()
        return self._chunks(parcels)

    def position(self) -> Position:
        """Boot and sequence number of the last record handed over."""
        return dict(self._position)

    async def close(self) -> None:
        """Close the device."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def probe(self) -> Capability:
        """Whether this user may read the kernel log."""
        try:
            os.close(os.open(self._options.device, os.O_RDONLY | os.O_NONBLOCK))
        except OSError as error:
            return _refusal(error, self._options.device)
        return Capability("kernel log", "ok", f"{self._options.device} can be read.")

    def _chunks(self, parcels: list[Parcel | None]) -> list[RawChunk]:
        origin = str(self._options.device)
        return chunks([parcel for parcel in parcels if parcel is not None], self._host, origin)

    def _open(self) -> None:
        file = os.open(self._options.device, os.O_RDONLY | os.O_NONBLOCK)
        self._file = file
        identity = self._options.boot_id.read_text().strip()
        # One origin of time for a whole boot, so that a record read twice carries the same time.
        booted_us = to_micros(self._clock.now()) - time.monotonic_ns() // 1000
        sequence, known = self._position.get("sequence"), self._position.get("booted_us")
        if not self._position and self._options.since is None:
            os.lseek(file, 0, os.SEEK_END)
        elif self._position.get("boot_id") == identity and isinstance(sequence, int):
            booted_us = known if isinstance(known, int) else booted_us
            micros = self._position.get("micros")
            self._last_us = micros if isinstance(micros, int) else 0
            self._next = sequence + 1
        self._boot = Boot(self._host, identity, booted_us)

    def _drain(self) -> list[Parcel]:
        """Records up to the end of the ring, and gaps where some of them were lost."""
        parcels: list[Parcel] = []
        lines: list[bytes] = []
        size = 0
        while size < _TURN_BYTES and (data := self._one()):
            record = from_kmsg(data)
            at = from_micros(self._boot.booted_us + (record.micros or self._last_us))
            if record.sequence is not None:
                if self._next is not None and record.sequence < self._next:
                    continue
                lost = record.sequence - (record.sequence if self._next is None else self._next)
                if lost:
                    self.lost += lost
                    since = from_micros(self._boot.booted_us + self._last_us)
                    gap = Gap(since, at, lost, OVERWRITTEN)
                    parcels.append(gap_notice(self._host, "kernel", gap, RING_HINT))
                self._passed(record.sequence, record.micros)
            elif record.micros is None:
                record.micros = self._last_us
            if self._options.since is None or at >= self._options.since:
                lines.append(self._boot.row(record))
                size += len(lines[-1])
        return [*parcels, Parcel("kernel", b"".join(lines))]

    def _one(self) -> bytes:
        """The next record; empty at the end of the ring."""
        assert self._file is not None  # noqa: S101 - read() opened it
        while True:
            try:
                return os.read(self._file, _RECORD_BYTES)
            except BlockingIOError:
                return b""
            except OSError as error:
                # Overwritten: the next read begins at the oldest that is left.
                if error.errno != errno.EPIPE:
                    reason = f"{self._options.device}: {error.strerror}."
                    raise SourceError(reason) from error

    def _passed(self, sequence: int, micros: int | None) -> None:
        self._next = sequence + 1
        self._last_us = self._last_us if micros is None else micros
        self._position = {
            "boot_id": self._boot.identity,
            "sequence": sequence,
            "booted_us": self._boot.booted_us,
            "micros": self._last_us,
        }


def _refusal(error: OSError, device: Path) -> Capability:
    reason = f"{device}: {error.strerror}."
    if isinstance(error, PermissionError):
        return Capability("kernel log", "denied", reason, DENIED_HINT)
    if isinstance(error, FileNotFoundError):
        return Capability("kernel log", "absent", reason, "Containers often have no /dev/kmsg.")
    return Capability("kernel log", "failing", reason)
