"""The lines of one container on their way: where to read on, and what was handed over before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from boxwatch.sources.docker_frames import STAMP, joined
from boxwatch.sources.source import Output

_STAMP_BYTES: Final = 30  # 2026-01-01T00:00:00.000000000Z
_SKEW: Final = timedelta(minutes=1)  # a mark so far ahead was written by a clock that was wrong

Mark = tuple[str, int]  # the last timestamp of a stream, and how many lines carried it
Marks = Mapping[str, Mark]


class ContainerLog:
    """One container's output on its way: what of each stream was received.

    Timestamps are RFC 3339 in UTC with nine digits, so that they compare as text. Several lines
    can share one: a resumed reading skips as many lines of the last timestamp as were received.
    Within a stream the order of the log counts, not the time: after the last line received, every
    line is new, even if the clock was set back.
    """

    def __init__(self, host: str, container_id: str, name: str, marks: Marks) -> None:
        self.container_id = container_id
        self.name = name
        self.hole: tuple[datetime, datetime] | None = None  # who reports it, forgets it
        self._host = host
        self._received: dict[str, Mark] = dict(marks)
        self._skip: dict[str, Mark] = {}
        self._since = ""

    @property
    def marks(self) -> Marks:
        """Where to read on: a copy."""
        return dict(self._received)

    def resume(self, since: str, now: datetime, disorder_s: float) -> str:
        """Prepare for reading again; the time to ask from, `since` where nothing came yet.

        The engine writes both streams into one log as they come. So what one of them still owes
        is at most `disorder_s` older than the newest line of the other, which may have been the
        only one to speak for months.
        """
        ahead = nine_digits(now + _SKEW)
        self._skip = {key: mark for key, mark in self._received.items() if mark[0] <= ahead}
        self._since = since
        if self._received:
            last = [stamp for stamp, _ in self._received.values()]
            newest = min(max(last), nine_digits(now))
            safe = nine_digits(_instant(newest) - timedelta(seconds=disorder_s))
            self._since = max(since, safe, min(newest, *last) if len(last) > 1 else "")
        return self._since

    def begins_before(self, output: Output) -> bool:
        """Whether `output` begins before the time to ask from: nothing after that is missing."""
        stamp, _ = _parted(output.data.split(b"\n", 1)[0])
        return bool(stamp) and stamp < self._since

    def take(self, output: Output) -> bytes:
        """The NDJSON rows of `output`, without what was received before or lies too far back.

        A line without a usable stamp is a row without a timestamp, for quarantine.
        """
        stream = "stderr" if output.error else "stdout"
        head = self._head(stream)
        rows: list[bytes] = []
        for line in output.data.split(b"\n")[:-1]:
            stamp, text = _parted(line)
            if stamp and self._was_received(stream, stamp):
                continue
            if stamp:
                last, count = self._received.get(stream, ("", 0))
                self._received[stream] = (stamp, count + 1 if stamp == last else 1)
            said = orjson.dumps(text.decode("utf-8", "backslashreplace"))
            rows.append(b'%b"timestamp":"%b","message":%b}\n' % (head, stamp.encode(), said))
        return b"".join(rows)

    def _head(self, stream: str) -> bytes:
        fields = {
            "host": self._host,
            "container_id": self.container_id,
            "container_name": self.name,
            "stream": stream,
        }
        return orjson.dumps(fields)[:-1] + b","

    def _was_received(self, stream: str, stamp: str) -> bool:
        if stream not in self._skip:
            return stamp < self._since and stream not in self._received
        last, count = self._skip[stream]
        if stamp > last:
            del self._skip[stream]
            if last >= self._since:
                self.hole = (_instant(last), _instant(stamp))
            return False
        if stamp == last:
            if count > 1:
                self._skip[stream] = (last, count - 1)
            else:
                del self._skip[stream]
        return True


def nine_digits(instant: datetime) -> str:
    """`instant` as engines write it: RFC 3339 in UTC, to the nanosecond."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _parted(line: bytes) -> tuple[str, bytes]:
    """The stamp of a line, in UTC with nine digits, and its text; '' if there is no usable one."""
    found = STAMP.match(line)
    if found is None:
        return "", line
    text = joined(line[found.end() :])
    if found.end() == _STAMP_BYTES + 1 and found[3] == b"Z":
        return line[:_STAMP_BYTES].decode("ascii"), text
    try:
        zone = "+00:00" if found[3] == b"Z" else found[3].decode("ascii")
        moment = datetime.fromisoformat(found[1].decode("ascii") + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return "", line
    fraction = (found[2] or b"").decode("ascii")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:0<9}Z", text


def _instant(stamp: str) -> datetime:
    return datetime.fromisoformat(f"{stamp[:26]}+00:00")
