"""What `docker logs --timestamps` prints, as records; and where to read on in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import orjson

from boxwatch.sources.source import Output

# RFC 3339 with all nine digits, always: so these compare as text.
_STAMP: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")
_STAMP_BYTES: Final = 31
_OWED: Final = timedelta(minutes=10)
_PART_BYTES: Final = 16384  # the engine cuts longer lines, and stamps every part (moby copier.go)

Mark = tuple[str, int]  # the last timestamp of a stream, and how many lines carried it
Marks = Mapping[str, Mark]


class ContainerLog:
    """One container's output on its way: what of each stream was received.

    Several lines can share a timestamp, and `--since` includes it: a resumed reading skips as many
    lines of that timestamp as were received before.
    """

    def __init__(self, host: str, container_id: str, name: str, marks: Marks) -> None:
        self.container_id = container_id
        self.name = name
        self._host = host
        self._received: dict[str, Mark] = dict(marks)
        self._skip: dict[str, Mark] = {}
        self.complaint = b""  # the last thing the command itself said

    @property
    def marks(self) -> Marks:
        """Where to read on: a copy."""
        return dict(self._received)

    def resume(self, since: str) -> str:
        """Prepare for reading again; the value for `--since`, `since` where nothing came yet.

        The engine sends both streams in order, so what one of them still owes is not much older
        than the newest line of the other; a stream may be silent for months.
        """
        self._skip = dict(self._received)
        self.complaint = b""
        if not self._received:
            return since
        newest = max(stamp for stamp, _ in self._received.values())
        safe = datetime.fromisoformat(f"{newest[:19]}+00:00") - _OWED
        return max(since, safe.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    def take(self, output: Output) -> bytes:
        """The NDJSON rows of `output`, without what was received before."""
        stream = "stderr" if output.error else "stdout"
        rows = []
        for line in output.data.split(b"\n")[:-1]:
            if not _STAMP.match(line):
                self.complaint = line
                continue
            stamp = line[: _STAMP_BYTES - 1].decode("ascii")
            if self._was_received(stream, stamp):
                continue
            last, count = self._received.get(stream, ("", 0))
            self._received[stream] = (stamp, count + 1 if stamp == last else 1)
            rows.append(self._row(stream, stamp, _joined(line[_STAMP_BYTES:])))
        return b"".join(rows)

    def _was_received(self, stream: str, stamp: str) -> bool:
        if stream not in self._skip:
            return False
        last, count = self._skip[stream]
        if stamp < last:
            return True
        if stamp == last and count:
            self._skip[stream] = (last, count - 1)
            return True
        del self._skip[stream]
        return False

    def _row(self, stream: str, stamp: str, message: bytes) -> bytes:
        record = {
            "host": self._host,
            "container_id": self.container_id,
            "container_name": self.name,
            "stream": stream,
            "timestamp": stamp,
            "message": message.decode("utf-8", "backslashreplace"),
        }
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _joined(line: bytes) -> bytes:
    """`line` without the stamps that stand before its second and later parts."""
    if len(line) <= _PART_BYTES:
        return line
    parts = []
    while _STAMP.match(line, _PART_BYTES):
        parts.append(line[:_PART_BYTES])
        line = line[_PART_BYTES + _STAMP_BYTES :]
    return b"".join((*parts, line))
