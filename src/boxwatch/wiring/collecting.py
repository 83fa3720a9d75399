"""`collect`: every source read once, and kept as it was given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from boxwatch.clock import SystemClock, monotonic
from boxwatch.events import RAW_KINDS, RawChunk
from boxwatch.settings import Settings
from boxwatch.sources import Source
from boxwatch.store import EventStore, Layout
from boxwatch.wiring.reading import sources
from boxwatch.wiring.reports import CollectReport, SourceLine
from boxwatch.wiring.this_host import host_name

_PAUSE_S: Final = 0.1
_LEAST_S: Final = 3.0  # time for every tool to start and give its first reading
_IDLE_S: Final = 1.5  # so long without a line means that a source that follows has caught up
_MOST_S: Final = 3600.0


def collect(settings: Settings, data: Path, since_seconds: float | None) -> CollectReport:
    """Read every source once, the logs back to `since_seconds` ago, into ingested/."""
    if Layout(data).format_file.exists():
        EventStore.open(data, writable=False).close()  # refuses a folder of a newer version
    now = SystemClock().now()
    since = None if since_seconds is None else now - timedelta(seconds=since_seconds)
    reading = sources(settings, {}, since=since, follow=False)
    writer = _Artifacts(Layout(data).ingested, now)
    return writer.report(asyncio.run(_drain(reading, writer)))


async def _drain(reading: Mapping[str, Source], writer: _Artifacts) -> list[str]:
    """Read until every log is read to its end; the position keys of the sources."""
    began = last = monotonic()
    try:
        while monotonic() - began < _MOST_S:
            for chunks in await asyncio.gather(*(source.read() for source in reading.values())):
                for chunk in chunks:
                    if writer.write(chunk):
                        last = monotonic()
            ended = all(
                getattr(source, "done", True) or writer.troubled(key)
                for key, source in reading.items()
            )
            if ended and monotonic() - began >= _LEAST_S and monotonic() - last >= _IDLE_S:
                break
            await asyncio.sleep(_PAUSE_S)
    finally:
        await asyncio.gather(*(source.close() for source in reading.values()))
    return list(reading)


def _key(host: str, source: str) -> tuple[str, str]:
    """The host and the source of what a position key or a record names."""
    return host or host_name(), source


class _Artifacts:
    """One file a kind, named by the instant of this collection; readings only once an entity."""

    def __init__(self, root: Path, now: datetime) -> None:
        self._root = root
        self._stamp = now.strftime("%Y%m%d_%H%M%S")
        self._records: Counter[tuple[str, str]] = Counter()
        self._status: dict[tuple[str, str], SourceLine] = {}
        self._read: set[tuple[str, ...]] = set()
        self._files: dict[Path, None] = {}

    def write(self, chunk: RawChunk) -> bool:
        """Keep `chunk`; False if it was a reading of something that has been read already."""
        if chunk.kind == "status":
            self._note(chunk)
        lines = chunk.lines
        if chunk.kind in ("gpu", "host"):
            lines = b"".join(line for line in lines.splitlines(True) if self._first(chunk, line))
        if not lines:
            return False
        folder, prefix = RAW_KINDS[chunk.kind]
        path = self._root / folder / f"{prefix}_{self._stamp}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(lines)
        self._files[path] = None
        self._records[chunk.host, folder] += lines.count(b"\n")
        return True

    def _first(self, chunk: RawChunk, line: bytes) -> bool:
        row = orjson.loads(line)
        metric = "clock_offset_seconds" in row  # of the line to a host, beside the host's own row
        key = (chunk.host, chunk.kind, str(row.get("entity", row.get("index"))), str(metric))
        new = key not in self._read
        self._read.add(key)
        return new

    def _note(self, chunk: RawChunk) -> None:
        for line in chunk.lines.splitlines():
            row = orjson.loads(line)
            name = str(row["source"])
            self._status[str(row["host"]), name] = SourceLine(
                name, 0, str(row["state"]), str(row["reason"]), str(row["hint"])
            )

    def troubled(self, key: str) -> bool:
        """True if the source with this position key said that it cannot be read."""
        host, _, name = key.rpartition("/")
        noted = self._status.get(_key(host, name))
        return noted is not None and noted.state != "ok"

    def report(self, keys: Sequence[str]) -> CollectReport:
        """What came, source by source."""
        folders = {"journald": "systemd", "nvidia": "gpu", "files": "file"}
        lines = []
        for key in keys:
            host, _, name = key.rpartition("/")
            of = _key(host, name)
            noted = self._status.get(of, SourceLine(name, 0, "ok"))
            records = 0 if name == "ssh" else self._records[of[0], folders.get(name, name)]
            lines.append(SourceLine(key, records, noted.state, noted.reason, noted.hint))
        return CollectReport(tuple(str(path) for path in self._files), tuple(lines))
