"""What being watched over SSH costs a host: processor, memory, and nothing left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch.bench.chaos.containers import load_image, run_container
from boxwatch.bench.collector import Collector, host_settings
from boxwatch.bench.hosts import USER, Host, Site
from boxwatch.bench.many_hosts import SETTINGS
from boxwatch.bench.result import BenchOptions, Figure, at_most, measured
from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault

CORE_PERCENT: Final = 1.0
MEMORY_MB: Final = 20.0
WATCHED_S: Final = 60.0
_SETTLED_S: Final = 20.0
_RATE: Final = 2.0
_LEAVING_S: Final = 15.0
_ARRIVAL_S: Final = 120.0
# Where a login may write; all of them are the host's own.
_PLACES: Final = ("/home", "/run", "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108
# What the host's own daemons come and go with, whoever is logged in.
_OWN: Final = re.compile(r"^/run/(systemd|docker|containerd|log|udev)/")


@dataclass(frozen=True, slots=True)
class Traces:
    """What a login costs and leaves; `whole_percent` counts what daemons do for it as well."""

    session_percent: float
    whole_percent: float
    memory_mb: float
    processes: list[str]
    files_left: list[str]
    processes_left: list[str]


def watched_cost(options: BenchOptions, watched_s: float = WATCHED_S) -> list[Figure]:
    """The figures of one host with a container, all sources read each second.

    Raises:
        EnvironmentFault: small hosts cannot be made on this machine; says why.

    """
    with Site(options.folder / "watched") as site:
        host = site.add("watched", containers=True)
        load_image(host)
        run_container(host, "speaker", _RATE)
        found = traces(site, host, watched_s)
    options.progress("cost on the watched host", 1, 1)
    what = "on the watched host"
    return [
        at_most(f"{what}: processor of the login", found.session_percent, "% of a core",
                CORE_PERCENT),
        measured(f"{what}: processor, daemons too", found.whole_percent, "% of a core"),
        at_most(f"{what}: memory of the login (PSS)", found.memory_mb, "MB", MEMORY_MB),
        measured(f"{what}: processes of the login", len(found.processes), "processes"),
        at_most(f"{what}: files left behind", len(found.files_left), "files", 0),
        at_most(f"{what}: processes left behind", len(found.processes_left), "processes", 0),
    ]  # fmt: skip


def traces(site: Site, host: Host, watched_s: float, settled_s: float = _SETTLED_S) -> Traces:
    """Watch `host` for a while, and see what that cost it and what is left."""
    time.sleep(settled_s)
    files = _files(host)
    idle = _percent(host, watched_s)[1]
    listener = set(host.sessions())
    collector = Collector(site.folder / "near", host_settings(site, [host], SETTINGS), site)
    collector.start()
    try:
        collector.wait_until_reading()
        _wait_for_login(host, listener, collector)
        time.sleep(settled_s)
        session, whole = _percent(host, watched_s)
        collector.check()
        login = [pid for pid in host.sessions() if pid not in listener]
        memory, processes = _pss_bytes(login), [_command(pid) for pid in login]
    finally:
        collector.stop()
    left = processes_left(host)
    new = sorted(name for name in _files(host) - files if not _OWN.match(name))
    return Traces(session, whole - idle, memory / 1e6, processes, new, left)


def _wait_for_login(host: Host, listener: set[int], collector: Collector) -> None:
    """Until the journal of `host` is followed by someone who is logged in."""
    end = monotonic() + _ARRIVAL_S
    while not any("journalctl" in _command(pid) for pid in set(host.sessions()) - listener):
        collector.check()
        if monotonic() > end:
            raise EnvironmentFault(
                f"The journal of {host.name} was not followed within {_ARRIVAL_S:g} s.",
                hint=collector.said()[-1000:].strip(),
            )
        time.sleep(0.1)


def processes_left(host: Host) -> list[str]:
    """What still runs for our user some seconds after its last login should have ended."""
    end = monotonic() + _LEAVING_S
    while True:
        lines = host.run("ps", "-e", "-o", "user:32=,args=").splitlines()
        left = [line for line in lines if line.startswith(f"{USER} ")]
        if not left or monotonic() > end:
            return left
        time.sleep(0.5)


def _percent(host: Host, seconds: float) -> tuple[float, float]:
    """Percent of a core that logins use, and the whole host."""
    at, session, whole = monotonic(), host.sessions_cpu_s(), host.group.cpu_s()
    time.sleep(seconds)
    took = monotonic() - at
    session, whole = host.sessions_cpu_s() - session, host.group.cpu_s() - whole
    return 100 * session / took, 100 * whole / took


def _files(host: Host) -> set[str]:
    return set(host.run("find", *_PLACES, "-xdev").splitlines())


def _pss_bytes(pids: Iterable[int]) -> int:
    """What these processes hold, their share of pages that several hold; proc_pid_smaps(5)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(
                int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")
            )
    return total * 1024


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""
