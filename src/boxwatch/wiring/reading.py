"""Settings -> the sources of every host, by position key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from boxwatch import parts
from boxwatch.settings import Settings
from boxwatch.sources import (
    Capability,
    DockerOptions,
    DockerSource,
    Engine,
    FilesOptions,
    FilesSource,
    HostOptions,
    HostSource,
    JournaldSource,
    JournalOptions,
    KernelBeside,
    KernelOptions,
    KernelSource,
    KernelStream,
    Library,
    NoLibrary,
    NvidiaOptions,
    NvidiaSource,
    Pauses,
    Position,
    RemoteFiles,
    Source,
    ToldSource,
    has_library,
)
from boxwatch.store import Layout
from boxwatch.wiring import endpoints
from boxwatch.wiring.hosts import Watched, gone, watched

_REMOTE_PAUSE_S: Final = 15.0  # a line that is down answers at once, at no cost


@dataclass(frozen=True, slots=True)
class Reading:
    """How the logs are read: where one without a position begins, and whether to go on."""

    since: datetime | None = None
    follow: bool = True


def sources(
    settings: Settings,
    positions: Mapping[str, Position],
    *,
    since: datetime | None = None,
    follow: bool = True,
) -> dict[str, Source]:
    """The sources that are switched on, each standing where `positions` says, by position key.

    The key is the name of the source where no hosts are configured, else `<host>/<source>`. A host
    that was watched and is no longer has one source, which says so.

    Args:
        settings: Which hosts, which sources, how often, which files.
        positions: By position key; a source without one begins at `since`, or now.
        since: Where to begin without a position.
        follow: False reads what the logs hold and ends there.
    """
    made: dict[str, Source] = {}
    hosts = watched(settings)
    for host in hosts:
        made |= _of_host(settings, host, positions, Reading(since, follow))
    made |= endpoints.services(settings, hosts)
    if follow:  # what is sent to us comes only while we listen
        folder = Layout(settings.data.folder).spool
        made |= endpoints.otlp(settings, positions, folder)
    for name in gone(settings, positions):
        told = Capability("ssh", "absent", "It was taken out of the settings.")
        made[f"{name}/ssh"] = ToldSource(told, name)
    return made


def _of_host(
    settings: Settings, host: Watched, positions: Mapping[str, Position], reading: Reading
) -> dict[str, Source]:
    wanted = [
        name
        for name in parts.SOURCES
        if name != "ssh" and getattr(settings.sources, name).enabled and host.wants(name)
    ]
    if not settings.data_collection.files:
        wanted = [name for name in wanted if name != "files"]
    make = _Makers(settings, host, reading, journal_read="journald" in wanted)
    # This machine goes on where it stood before hosts were configured.
    before: Mapping[str, Position] = {} if host.remote else positions
    stood = {name: positions.get(host.prefix + name, before.get(name)) for name in wanted}
    made = {name: make.source(name, stood[name]) for name in wanted}
    journal = made.get("journald")
    if "kernel" in made and isinstance(journal, JournaldSource):
        made["kernel"] = KernelBeside(journal, made["kernel"])
    if host.remote:
        line: Source = parts.load("ssh")(host.shell, host.name)
        made = {line.name: line, **made}
    return {host.prefix + name: source for name, source in made.items()}


def engine(settings: Settings, host: Watched) -> Engine:
    """How the container engine of `host` is asked: over its socket wherever that is possible."""
    socket = settings.sources.docker.socket
    if not host.remote:
        here: Engine = parts.load("docker-socket")(socket)
        return here
    there = parts.load("docker-socket")(socket, parts.load("ssh-dial")(host.shell))
    command = parts.load("docker-command")(host.shell)
    either: Engine = parts.load("docker-either")(there, command)
    return either


class _Makers:
    """Makes the sources of one host."""

    def __init__(
        self, settings: Settings, host: Watched, reading: Reading, *, journal_read: bool
    ) -> None:
        self._settings = settings
        self._host = host
        self._reading = reading
        self._journal_read = journal_read

    def source(self, name: str, at: Position | None) -> Source:
        """The source `name`, standing at `at`."""
        makers = {
            "journald": self._journald,
            "docker": self._docker,
            "nvidia": self._nvidia,
            "host": self._host_metrics,
            "kernel": self._kernel,
            "files": self._files,
        }
        return makers[name](at)

    def _pauses(self) -> Pauses:
        return Pauses(longest=_REMOTE_PAUSE_S) if self._host.remote else Pauses()

    def _journald(self, at: Position | None) -> Source:
        options = JournalOptions(
            follow=self._reading.follow,
            since=self._reading.since,
            units=self._settings.data_collection.units,
            pauses=self._pauses(),
        )
        return JournaldSource(self._host.shell, self._host.name, at, options)

    def _docker(self, at: Position | None) -> Source:
        options = DockerOptions(
            follow=self._reading.follow,
            since=self._reading.since,
            journal_read=self._journal_read,
            pauses=self._pauses(),
            engine=engine(self._settings, self._host),
            names=tuple(self._settings.data_collection.containers),
        )
        return DockerSource(self._host.shell, self._host.name, at, options)

    def _nvidia(self, at: Position | None) -> Source:
        interval = self._settings.data_collection.interval_seconds
        library: Library | None = None
        if not self._host.remote:
            library = parts.load("nvml")() if has_library() else NoLibrary()
        options = NvidiaOptions(interval_s=interval, pauses=self._pauses(), library=library)
        return NvidiaSource(self._host.shell, self._host.name, at, options)

    def _host_metrics(self, _: Position | None) -> Source:
        interval = self._settings.data_collection.interval_seconds
        shell = self._host.shell if self._host.remote else None
        each_core = self._settings.sources.host.each_core
        options = HostOptions(interval_s=interval, each_core=each_core)
        return HostSource(self._host.name, options, shell=shell)

    def _kernel(self, at: Position | None) -> Source:
        options = KernelOptions(since=self._reading.since, pauses=self._pauses())
        if self._host.remote:
            return KernelStream(self._host.shell, self._host.name, at, options)
        return KernelSource(self._host.name, at, options)

    def _files(self, at: Position | None) -> Source:
        since = self._reading.since
        options = FilesOptions(
            self._settings.data_collection.files, from_start=since is not None, since=since
        )
        if self._host.remote:
            host = self._host
            return RemoteFiles(host.shell, host.name, options, at, self._pauses())
        return FilesSource(self._host.name, options, at)
