"""What is asked of a host, and when.

Each reading has what moves fast. Sensors, room and single cores come every four seconds, so that
every window of five has them; devices and limits every thirty, a count of all processes every two
minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from boxwatch.sources import sensors
from boxwatch.sources.host_reader import Answer, Errand, Request
from boxwatch.sources.sensors import Sensor

OFTEN_S: Final = 4.0
SURVEY_S: Final = 30.0
CENSUS_S: Final = 120.0

BLOCK: Final = "?sys/block/*/device"
NET: Final = "?sys/class/net/*/device"
MOUNTS: Final = "proc/self/mounts"
PAGES: Final = "proc/self/smaps"
FILES: Final = "proc/sys/fs/file-nr"
TRACKED: Final = "proc/sys/net/netfilter/nf_conntrack_count"
TRACKED_MOST: Final = "proc/sys/net/netfilter/nf_conntrack_max"
EDAC: Final = "sys/devices/system/edac/mc/"
CGROUPS: Final = "sys/fs/cgroup/"
LINKS: Final = "^proc"
CENSUS: Final = "#proc"

_TOTALS: Final = "proc/stat~cpu[^0-9]|procs_"
_CORES: Final = "proc/stat~cpu|procs_"
_FAST: Final = (
    "proc/meminfo~Mem|Cached|Swap[TF]|Slab|Dirty|Writeback:|Shmem:|HugePages_T|Hugepagesize",
    "proc/vmstat~pswp|oom_kill[^_]",
    "proc/loadavg",
    "proc/uptime",
    "proc/pressure/cpu",
    "proc/pressure/memory",
    "proc/pressure/io",
    "proc/diskstats",
    "proc/net/dev",
    "proc/net/snmp~Tcp:",
    LINKS,
)
_SURVEY: Final = (BLOCK, NET, MOUNTS, FILES, TRACKED, TRACKED_MOST)
# The memory of units and containers: cgroup v2 with either driver of Docker, in Kubernetes, and v1.
_V2: Final = "memory.stat~anon[^_]"
_V1: Final = "memory.stat~total_rss[^_]"
_PODS: Final = ("kubepods.slice/*", "kubepods.slice/*/*")
_HELD: Final = (
    *(f"{CGROUPS}{path}/*/{_V2}" for path in ("*.slice", "docker", *_PODS)),
    *(f"{CGROUPS}memory/{path}/*/{_V1}" for path in ("*.slice", "docker", "kubepods/*/*")),
)
_EDAC: Final = (f"{EDAC}mc*/ce_count", f"{EDAC}mc*/ue_count")


@dataclass(slots=True)
class Machine:
    """What is known of a machine's parts, from its last survey.

    `disks` and `links` are the block devices and interfaces with hardware behind them (None: /sys
    does not say); `points` and `far` mount points, escaped; `sensors` by path; `page` the bytes of
    a page of memory, which is asked for until it is known.
    """

    disks: frozenset[str] | None = None
    links: frozenset[str] = frozenset()
    points: list[str] = field(default_factory=list)
    far: list[str] = field(default_factory=list)
    sensors: dict[str, Sensor] = field(default_factory=dict)
    page: int | None = None


class Questions:
    """Decides what is asked with each reading; `now` is monotonic."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._last: dict[str, float] = {}
        self._begun: dict[Errand, float] = {}  # errands that brought nothing yet
        self.per_core = False  # True if the last request asked for single cores
        self.survey = False  # True if it asked for what moves slowly
        self.late: dict[str, float] = {}  # item -> seconds it has been waited for in vain

    def next(self, now: float) -> Request:
        """What to ask now."""
        self.per_core = self._due("cores", OFTEN_S, now)
        self.survey = self._due("survey", SURVEY_S, now)
        items = [_CORES if self.per_core else _TOTALS, *_FAST]
        errands: list[Errand] = []
        machine = self._machine
        if self.survey:
            items += (*_SURVEY, *_EDAC, *_HELD)
            errands.append(sensors.SURVEY)
            if machine.page is None:
                items.append(f"{PAGES}~KernelPageSize")
        if machine.sensors and self._due("sensors", OFTEN_S, now):
            errands.append(tuple(machine.sensors))
        if machine.points and self._due("room", OFTEN_S, now):
            errands.append(tuple(f"${point}" for point in machine.points))
        if machine.far and self._due("far", OFTEN_S, now):
            errands += [(f"${point}",) for point in machine.far]
        if self._due("census", CENSUS_S, now):
            errands.append((CENSUS,))
        self.late = {
            item: now - self._begun[errand]
            for errand in errands
            if errand in self._begun
            for item in errand
        }
        self._begun = dict.fromkeys(errands, now) | self._begun
        return Request(tuple(items), tuple(errands))

    def settle(self, answer: Answer) -> None:
        """Note what came: an errand that brought anything is done."""
        came = answer.found.keys() | answer.missing.keys()
        for errand in [errand for errand in self._begun if not came.isdisjoint(errand)]:
            del self._begun[errand]
            for item in errand:
                self.late.pop(item, None)

    def forget(self) -> None:
        """Another reader will answer from here on: nothing is under way."""
        self._begun.clear()
        self._last.clear()

    def _due(self, what: str, every_s: float, now: float) -> bool:
        last = self._last.get(what)
        if last is not None and now - last < every_s - 0.1:  # timers fire a little early
            return False
        self._last[what] = now
        return True
