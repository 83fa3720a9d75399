"""The rows that a host's answers become."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from boxwatch.events import cgroup, services
from boxwatch.sources import devices, proc_files, sensors
from boxwatch.sources.host_questions import (
    BLOCK,
    CENSUS,
    CGROUPS,
    EDAC,
    FILES,
    LINKS,
    MOUNTS,
    NET,
    PAGES,
    TRACKED,
    TRACKED_MOST,
    Machine,
    Questions,
)
from boxwatch.sources.host_reader import Answer, Request, unescaped
from boxwatch.sources.proc_files import NOT_UNDERSTOOD, Values, number
from boxwatch.sources.sensors import Sensor

_SATURATED: Final = 0.95  # of a core's time, from where on it counts as full
_PAGE: Final = 4096  # bytes, where a machine does not say
_ANONYMOUS: Final = re.compile(r"^(?:anon|total_rss) (\d+)$", re.MULTILINE)
_WIDEST: Final = 2.0**63
_FEW: Final = 8  # folders that may come and go in /proc while it is counted
# Not there is no news: no connection tracking, a board without memory controllers that report.
_NOT_HERE: Final = ("No such file or directory", "it cannot be read")


class HostRows:
    """Questions to one host, and the rows its answers become.

    A value that was never known is told as unknown only with each survey: what a machine does not
    have is no news every second. One that was known is told every time. `each_core` adds a row for
    each core.
    """

    def __init__(self, *, each_core: bool = False) -> None:
        self._each_core = each_core
        self._machine = Machine()
        self._questions = Questions(self._machine)
        self._ticks: dict[str, tuple[int, int]] = {}
        self._not_processes: int | None = None  # of the links of /proc
        self._known: set[tuple[str, str]] = set()

    def request(self, now: float) -> Request:
        """What to ask at `now`, on a monotonic clock."""
        return self._questions.next(now)

    def forget(self) -> None:
        """The reader is another one from here on: ask everything again."""
        self._questions.forget()

    def rows(self, answer: Answer) -> dict[str, Values]:
        """The rows by entity that follow from `answer`."""
        self._questions.settle(answer)
        self._look_around(answer)
        rows = {"host": self._host(answer)}
        if self._questions.per_core:
            self._add_cores(answer, rows)
        rows["host"]["cpu_cores"] = len(self._ticks) or "/proc/stat: no cores"
        rows |= self._parts(answer, "disk", "proc/diskstats", self._disks)
        rows |= self._parts(answer, "net", "proc/net/dev", self._links)
        rows |= self._rooms(answer)
        rows |= self._sensed(answer)
        rows |= _held(answer)
        return self._news(rows)

    def _look_around(self, answer: Answer) -> None:
        """What the machine consists of, where the answer says it."""
        found, machine = answer.found, self._machine
        if BLOCK in found:
            owners = devices.owners(found[BLOCK])
            machine.disks = owners if owners else None
        if NET in found:
            machine.links = devices.owners(found[NET])
        if MOUNTS in found:
            mounts = devices.mounts(found[MOUNTS])
            machine.points, machine.far = devices.local_points(mounts), devices.far_points(mounts)
        if PAGES in found:
            with contextlib.suppress(*NOT_UNDERSTOOD):
                machine.page = proc_files.page_size(found[PAGES])
        if any(item in found for item in sensors.SURVEY):
            machine.sensors = sensors.survey(found)

    def _host(self, answer: Answer) -> Values:
        page = self._machine.page or _PAGE
        values = proc_files.host(answer.found, answer.missing, page)
        values["clock_monotonic_seconds"] = round(answer.monotonic, 6)
        values |= self._processes(answer)
        if self._questions.survey:
            values |= _limits(answer)
            values |= _memory_errors(answer)
        return values

    def _processes(self, answer: Answer) -> Values:
        """How many there are: counted now and then, by the links of /proc in between.

        The kernel gives /proc a link a process and a constant number of others. In a container
        the processes of the whole machine are among them: then only those counted are told.
        """
        try:
            if CENSUS in answer.found:
                counts = answer.found[CENSUS].split()
                processes, zombies, others, links = map(number, counts)
                rest = links - processes
                self._not_processes = rest if 0 < rest <= others + _FEW else None
                return {"processes_alive": processes, "processes_zombie": zombies}
            if LINKS in answer.found and self._not_processes is not None:
                return {"processes_alive": number(answer.found[LINKS]) - self._not_processes}
        except ValueError:
            self._not_processes = None
        return {}

    def _add_cores(self, answer: Answer, rows: dict[str, Values]) -> None:
        """How busy the busiest core was since the last look, and how many were full."""
        try:
            ticks = proc_files.cores(answer.found.get("proc/stat", ""))
        except NOT_UNDERSTOOD:
            return
        before, self._ticks = self._ticks, ticks
        shares = {}
        for core, (busy, whole) in ticks.items():
            was_busy, was = before.get(core, (0, 0))
            if was and whole > was:  # times may fall where a core was taken off and on again
                shares[core] = round(min(1.0, max(0.0, (busy - was_busy) / (whole - was))), 4)
        if shares:
            rows["host"]["cpu_busiest_core_ratio"] = max(shares.values())
            rows["host"]["cpu_cores_saturated"] = sum(s > _SATURATED for s in shares.values())
        if self._each_core:
            rows |= {f"cpu:{core}": {"core_busy_ratio": share} for core, share in shares.items()}

    def _parts(
        self, answer: Answer, kind: str, path: str, read: Callable[[str], dict[str, Values]]
    ) -> dict[str, Values]:
        try:
            parts = read(answer.found.get(path, ""))
        except NOT_UNDERSTOOD:
            return {}
        return {f"{kind}:{name}": values for name, values in sorted(parts.items())}

    def _disks(self, text: str) -> dict[str, Values]:
        backed = self._machine.disks
        return proc_files.diskstats(text, lambda name: devices.is_disk(name, backed))

    def _links(self, text: str) -> dict[str, Values]:
        backed = self._machine.links
        return proc_files.interfaces(text, lambda name: devices.is_link(name, backed))

    def _rooms(self, answer: Answer) -> dict[str, Values]:
        rows = {}
        for point in (*self._machine.points, *self._machine.far):
            said = self._said(answer, f"${point}")
            if said is not None:
                rows[f"fs:{unescaped(point)}"] = devices.room(said)
        return rows

    def _sensed(self, answer: Answer) -> dict[str, Values]:
        rows: dict[str, Values] = {}
        for path, sensor in self._machine.sensors.items():
            if path in answer.found:
                values = sensor.read(answer.found[path])
            else:
                reason = self._said(answer, path)
                values = {} if reason is None else {sensor.metric: reason}
            if values:
                rows.setdefault(sensor.entity, {}).update(values)
        return rows

    def _said(self, answer: Answer, item: str) -> str | None:
        """What was answered to `item`, or why nothing was; None where nothing was due."""
        if item in answer.found:
            return answer.found[item]
        if item in self._questions.late:
            return f"no answer for {self._questions.late[item]:.0f} s"
        return answer.missing.get(item)

    def _news(self, rows: Mapping[str, Values]) -> dict[str, Values]:
        told: dict[str, Values] = {}
        for entity, values in rows.items():
            for metric, read in values.items():
                value = _sound(read)
                if not isinstance(value, str):
                    self._known.add((entity, metric))
                elif not self._questions.survey and (entity, metric) not in self._known:
                    continue
                told.setdefault(entity, {})[metric] = value
        return told


def _sound(value: float | int | str) -> float | int | str:
    """`value` if it is a number that can be written down, else the reason why not."""
    if isinstance(value, str) or abs(value) < _WIDEST:
        return value
    return "a number out of all bounds"


def _limits(answer: Answer) -> Values:
    """File handles, and tracked connections where the kernel tracks them."""
    values: Values = {}
    names = ("file_handles_open", "file_handles_limit")
    try:
        values.update(proc_files.file_handles(answer.found[FILES]))
    except NOT_UNDERSTOOD:
        reason = answer.missing.get(FILES, "not understood")
        values.update(dict.fromkeys(names, f"/{FILES}: {reason}"))
    for path, name in ((TRACKED, "conntrack_entries"), (TRACKED_MOST, "conntrack_limit")):
        if path in answer.found:
            values |= Sensor("host", name, 1).read(answer.found[path])
        elif answer.missing.get(path, _NOT_HERE[0]) not in _NOT_HERE:
            values[name] = f"/{path}: {answer.missing[path]}"
    return values


def _held(answer: Answer) -> dict[str, Values]:
    """Memory that the processes of each unit and container hold, by what it is called in lines.

    Anonymous memory (cgroup v2, Documentation/admin-guide/cgroup-v2.rst) or what v1 calls rss: of
    files that are cached the kernel lets go by itself. Containers are named by their ids here.
    """
    held: dict[str, int] = {}
    for path, text in answer.found.items():
        if not (path.startswith(CGROUPS) and path.endswith("/memory.stat")):
            continue
        kind, owner = cgroup.owner_of(path.removeprefix(CGROUPS))
        if not kind:
            continue
        name = services.of_container(owner) if kind == "container" else services.of_unit(owner)
        with contextlib.suppress(*NOT_UNDERSTOOD):
            (said,) = _ANONYMOUS.findall(text)
            held[name] = held.get(name, 0) + number(said)
    return {name: {"memory_anonymous_bytes": size} for name, size in sorted(held.items())}


def _memory_errors(answer: Answer) -> Values:
    """Errors that the memory controllers counted since boot (Documentation/driver-api/edac)."""
    values: Values = {}
    for file, name in (("ce_count", "corrected"), ("ue_count", "uncorrected")):
        metric = f"memory_errors_{name}_total"
        texts = [
            text
            for path, text in answer.found.items()
            if path.startswith(EDAC) and path.endswith(file)
        ]
        try:
            if texts:
                values[metric] = sum(map(number, texts))
        except ValueError:
            values[metric] = "not a number"
    return values
