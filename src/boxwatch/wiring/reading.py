"""Settings -> the sources of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from boxwatch.parts import SOURCES
from boxwatch.settings import Settings
from boxwatch.sources import (
    DockerOptions,
    DockerSource,
    FilesOptions,
    FilesSource,
    HostOptions,
    HostSource,
    JournaldSource,
    JournalOptions,
    KernelOptions,
    KernelSource,
    LocalShell,
    NvidiaOptions,
    NvidiaSource,
    Position,
    Source,
)


def host_name() -> str:
    """The name this machine's records carry."""
    return socket.gethostname()


def sources(
    settings: Settings,
    positions: Mapping[str, Position],
    *,
    since: datetime | None = None,
    follow: bool = True,
) -> list[Source]:
    """The sources that are switched on, each standing where `positions` says.

    Args:
        settings: Which sources, how often, which files.
        positions: By source name; a source without one begins at `since`, or now.
        since: Where to begin without a position.
        follow: False reads what the logs hold and ends there.
    """
    host, shell, interval = host_name(), LocalShell(), settings.data_collection.interval_seconds
    journal = settings.sources.journald.enabled
    makers: dict[str, Callable[[Position | None], Source]] = {
        "journald": lambda at: JournaldSource(
            shell, host, at, JournalOptions(follow=follow, since=since)
        ),
        "docker": lambda at: DockerSource(
            shell, host, at, DockerOptions(follow=follow, since=since, journal_read=journal)
        ),
        "nvidia": lambda at: NvidiaSource(shell, host, at, NvidiaOptions(interval_s=interval)),
        "host": lambda _: HostSource(host, HostOptions(interval_s=interval)),
        "kernel": lambda at: KernelSource(host, at, KernelOptions(since=since)),
        "files": lambda at: FilesSource(
            host, FilesOptions(settings.data_collection.files, from_start=since is not None), at
        ),
    }
    wanted = [name for name in SOURCES if getattr(settings.sources, name).enabled]
    if not settings.data_collection.files:
        wanted = [name for name in wanted if name != "files"]
    return [makers[name](positions.get(SOURCES[name].name)) for name in wanted]


async def without_kernel_twice(reading: Sequence[Source]) -> list[Source]:
    """`reading` without the kernel source where the journal carries the kernel's lines already."""
    journals = [source for source in reading if isinstance(source, JournaldSource)]
    carried = [await journal.carries_kernel() for journal in journals]
    if not any(carried):
        return list(reading)
    return [source for source in reading if not isinstance(source, KernelSource)]
