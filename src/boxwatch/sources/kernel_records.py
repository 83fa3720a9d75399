r"""Records of the kernel's log, as /dev/kmsg and `dmesg --raw` write them.

/dev/kmsg (Documentation/ABI/testing/dev-kmsg): `priority,sequence,microseconds,flags;message`, then
lines that begin with a space, ` KEY=value`; bytes that cannot be printed are written `\xNN`.
dmesg(1): `<priority>[seconds.micros] message`, without numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from boxwatch.clock import from_micros
from boxwatch.sources.outbox import stamp

_HEAD: Final = re.compile(rb"(\d{1,6}),(\d{1,20}),(\d{1,18})(?:,[^;\n]*)?;")
_RAW: Final = re.compile(rb"<(\d{1,6})>\[\s*(\d{1,11})\.(\d{6})\] ?")
_ESCAPED: Final = re.compile(rb"\\x([0-9a-f]{2})")
_TOLD: Final = {b"SUBSYSTEM": "subsystem", b"DEVICE": "device"}


@dataclass(slots=True)
class Record:
    """One record; `sequence` and `micros` (since boot) are None where they are not told."""

    message: str
    priority: int | None = None
    sequence: int | None = None
    micros: int | None = None
    subsystem: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Boot:
    """Which run of a kernel its records are from; `booted_us` is microseconds since the epoch."""

    host: str
    identity: str
    booted_us: int

    def row(self, record: Record) -> bytes:
        """`record` as a line of raw kind `kernel`; one without a time gets that of the boot."""
        row: dict[str, object] = {
            "host": self.host,
            "timestamp": stamp(from_micros(self.booted_us + (record.micros or 0))),
            "message": record.message,
            "boot_id": self.identity,
        }
        if record.priority is not None:
            row |= {"priority": record.priority & 7, "facility": record.priority >> 3}
        if record.sequence is not None:
            row["sequence"] = record.sequence
        row |= {name: value for name in _TOLD.values() if (value := getattr(record, name))}
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def from_kmsg(data: bytes) -> Record:
    """The record that one read of /dev/kmsg gives; what is none is a message without a time."""
    return next(iter(kmsg_records(data.split(b"\n"))), Record(_text(data)))


def kmsg_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records in lines of /dev/kmsg; a line that belongs to none is a message of its own."""
    held: Record | None = None
    for line in lines:
        if held is not None and line.startswith(b" "):
            key, _, value = line.strip().partition(b"=")
            if key in _TOLD:
                setattr(held, _TOLD[key], _text(value))
            continue
        if not line:
            continue
        if held is not None:
            yield held
        head = _HEAD.match(line)
        if head is None:
            held = Record(_text(line))
            continue
        priority, sequence, micros = (int(number) for number in head.groups())
        held = Record(_text(_unescaped(line[head.end() :])), priority, sequence, micros)
    if held is not None:
        yield held


def dmesg_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records in lines of `dmesg --raw`; a line that is none goes on the one before it."""
    held: Record | None = None
    for line in lines:
        head = _RAW.match(line)
        if head is None and held is not None:
            held.message += f"\n{_text(line)}" if line else ""
            continue
        if held is not None:
            yield held
        if head is None:
            held = Record(_text(line)) if line else None
            continue
        priority, seconds, micros = (int(number) for number in head.groups())
        held = Record(_text(line[head.end() :]), priority, None, seconds * 1_000_000 + micros)
    if held is not None:
        yield held


def _unescaped(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
