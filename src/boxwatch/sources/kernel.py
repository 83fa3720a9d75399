"""The kernel's own log, for machines whose journal does not carry it.

/dev/kmsg keeps the records in a ring and hands over one at each read
(Documentation/ABI/testing/dev-kmsg): `priority,sequence,microseconds,flags;message`, then lines
that begin with a space, ` KEY=value`. The ring itself is the buffer; nothing runs between reads.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, from_micros, monotonic, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, Parcel, Pauses, chunks, stamp
from boxwatch.sources.source import Position

_RECORD_BYTES: Final = 65536  # a read with less room than the record fails with EINVAL
_TURN_BYTES: Final = 8 << 20  # handed over by one read at most
DENIED_HINT: Final = (
    "Reading the kernel log needs root or CAP_SYSLOG, or `sysctl kernel.dmesg_restrict=0`."
)


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """How the kernel log is read; `since` is where to begin without a position (None: now)."""

    since: datetime | None = None
    device: Path = Path("/dev/kmsg")
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")


class KernelSource:
    """The kernel ring buffer of this machine; implements `Source`.

    Raw kind `kernel`. Position: `{"boot_id", "sequence", "booted_us"}`. Records that the ring
    overwrote before they were read are counted and reported as a gap.
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
        self._boot_id = ""
        self._booted_us = 0
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
        lines, lost = self._drain()
        if lost:
            self.lost += lost
            reason = f"gap: {lost} kernel records were overwritten before they were read."
            hint = "A larger ring keeps more: log_buf_len= on the kernel command line."
            parcels.append(self._health.note("ok", reason, hint))
        parcels.append(Parcel("kernel", lines))
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
        self._boot_id = self._options.boot_id.read_text().strip()
        # One origin of time for a whole boot, so that a record read twice carries the same time.
        self._booted_us = to_micros(self._clock.now()) - time.monotonic_ns() // 1000
        sequence = self._position.get("sequence")
        if not self._position and self._options.since is None:
            os.lseek(file, 0, os.SEEK_END)
        elif self._position.get("boot_id") == self._boot_id and isinstance(sequence, int):
            booted = self._position.get("booted_us")
            self._booted_us = booted if isinstance(booted, int) else self._booted_us
            self._next = sequence + 1

    def _drain(self) -> tuple[bytes, int]:
        """Records up to the end of the ring, as NDJSON, and how many were lost before them."""
        assert self._file is not None  # noqa: S101 - read() opened it
        lines: list[bytes] = []
        size = lost = 0
        since = self._options.since
        while size < _TURN_BYTES:
            try:
                record = os.read(self._file, _RECORD_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EPIPE:
                    continue  # overwritten: the next read begins at the oldest that is left
                raise SourceError(f"{self._options.device}: {error.strerror}.") from error
            if not record:
                break
            sequence, row, at = self._parse(record)
            if self._next is not None:
                if sequence < self._next:
                    continue
                lost += sequence - self._next
            self._next = sequence + 1
            if since is None or at >= since:
                lines.append(row)
                size += len(row)
            self._position = {
                "boot_id": self._boot_id,
                "sequence": sequence,
                "booted_us": self._booted_us,
            }
        return b"".join(lines), lost

    def _parse(self, record: bytes) -> tuple[int, bytes, datetime]:
        head, _, rest = record.partition(b";")
        priority, sequence, micros, *_ = head.split(b",")
        message, _, dictionary = rest.partition(b"\n")
        at = from_micros(self._booted_us + int(micros))
        row: dict[str, object] = {
            "host": self._host,
            "timestamp": stamp(at),
            "priority": int(priority) & 7,
            "facility": int(priority) >> 3,
            "message": message.decode("utf-8", "backslashreplace"),
            "sequence": int(sequence),
            "boot_id": self._boot_id,
        }
        for line in dictionary.decode("utf-8", "backslashreplace").splitlines():
            key, _, value = line.strip().partition("=")
            if key in {"SUBSYSTEM", "DEVICE"}:
                row[key.lower()] = value
        return int(sequence), orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE), at


def _refusal(error: OSError, device: Path) -> Capability:
    reason = f"{device}: {error.strerror}."
    if isinstance(error, PermissionError):
        return Capability("kernel log", "denied", reason, DENIED_HINT)
    if isinstance(error, FileNotFoundError):
        return Capability("kernel log", "absent", reason, "Containers often have no /dev/kmsg.")
    return Capability("kernel log", "failing", reason)
