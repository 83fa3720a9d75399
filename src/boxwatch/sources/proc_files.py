"""Metrics from the text of /proc files (proc(5)); counters as raw totals, in base units.

Every function here takes text and raises ValueError, IndexError or KeyError where it is not what
that file holds. A value is a number, or the text that says why it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

Values = dict[str, float | int | str]
SWAPPED: Final = ("swap_in_bytes_total", "swap_out_bytes_total")
NOT_UNDERSTOOD: Final = (ValueError, IndexError, KeyError)

# The kernel gives times in hundredths of a second on every architecture of today (USER_HZ).
_TICK_S: Final = 0.01
_LONGEST: Final = 24  # characters of a number of 64 bits, with what may stand around it
_SECTOR: Final = 512  # always, whatever the device says (Documentation/block/stat)


def stat(text: str) -> Values:
    """Processor times, cores and tasks from /proc/stat.

    Busy time leaves out idle, iowait and steal; guest time is part of user time already.
    """
    lines = text.splitlines()
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, lines[0].split()[1:9])
    del idle
    counted = dict(
        line.split(maxsplit=1) for line in lines[-6:] if line.startswith(("procs_r", "procs_b"))
    )
    return {
        "cpu_busy_seconds_total": _seconds(user + nice + system + irq + softirq),
        "cpu_iowait_seconds_total": _seconds(iowait),
        "cpu_steal_seconds_total": _seconds(steal),
        "processes_running": int(counted["procs_running"]),
        "processes_blocked": int(counted["procs_blocked"]),
    }


def cores(text: str) -> dict[str, tuple[int, int]]:
    """Of each core of /proc/stat that is online: ticks busy and ticks in all, by its number."""
    found = {}
    for line in text.splitlines()[1:]:
        if not line.startswith("cpu"):
            break
        name, *rest = line.split()
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, rest[:8])
        busy = user + nice + system + irq + softirq
        found[name[3:]] = (busy, busy + idle + iowait + steal)
    return found


def meminfo(text: str) -> Values:
    """Memory and swap from /proc/meminfo."""
    amounts = {}
    for line in text.splitlines():
        name, _, amount = line.partition(":")
        amounts[name] = int(amount.split()[0])
    kibi = {name: amount * 1024 for name, amount in amounts.items()}
    return {
        "memory_total_bytes": kibi["MemTotal"],
        "memory_available_bytes": kibi["MemAvailable"],
        "memory_cached_bytes": kibi["Cached"],
        "memory_shared_bytes": kibi["Shmem"],
        "memory_slab_bytes": kibi["Slab"],
        "memory_dirty_bytes": kibi["Dirty"] + kibi["Writeback"],
        # One size of huge pages is counted here, the default one: a kernel without any has none.
        "memory_huge_pages_bytes": amounts.get("HugePages_Total", 0) * kibi.get("Hugepagesize", 0),
        "swap_total_bytes": kibi["SwapTotal"],
        "swap_used_bytes": kibi["SwapTotal"] - kibi["SwapFree"],
    }


def swapped(text: str) -> Values:
    """Swap traffic from /proc/vmstat, in pages."""
    found = _pairs(text)
    return dict(zip(SWAPPED, (int(found["pswpin"]), int(found["pswpout"])), strict=True))


def page_size(text: str) -> int:
    """Bytes of a page of memory, from the least of /proc/self/smaps: 4 KiB, or 64 on some ARM."""
    sizes = [number(line.split()[1]) for line in text.splitlines() if line.startswith("KernelP")]
    return min(sizes) * 1024


def oom_kills(text: str) -> Values:
    """Processes killed for memory, from /proc/vmstat (Linux 4.13)."""
    return {"oom_kills_total": int(_pairs(text)["oom_kill"])}


def loadavg(text: str) -> Values:
    """Load averages and threads from /proc/loadavg."""
    one, five, _, tasks, *_ = text.split()
    return {"load1": float(one), "load5": float(five), "threads_alive": int(tasks.split("/")[1])}


def uptime(text: str) -> Values:
    """Time since boot from /proc/uptime."""
    return {"uptime_seconds": float(text.split(maxsplit=1)[0])}


def waited(text: str) -> float:
    """Seconds some task waited, from a file of /proc/pressure (Documentation/accounting/psi)."""
    return int(text.split("\n", 1)[0].rpartition("total=")[2]) / 1e6


def stalled(text: str) -> float:
    """Seconds all tasks waited at once, from a file of /proc/pressure."""
    full = [line for line in text.splitlines() if line.startswith("full ")]
    return int(full[0].rpartition("total=")[2]) / 1e6


def tcp(text: str) -> Values:
    """Segments sent and sent again, from the two Tcp lines of /proc/net/snmp (RFC 2012)."""
    names, values = (line.split() for line in text.splitlines() if line.startswith("Tcp:"))
    counts = dict(zip(names[1:], values[1:], strict=True))
    return {
        "tcp_segments_sent_total": int(counts["OutSegs"]),
        "tcp_retransmits_total": int(counts["RetransSegs"]),
    }


def file_handles(text: str) -> Values:
    """Open file handles of the whole machine, from /proc/sys/fs/file-nr."""
    taken, free, most = map(int, text.split())
    return {"file_handles_open": taken - free, "file_handles_limit": most}


def diskstats(text: str, wanted: Callable[[str], bool]) -> dict[str, Values]:
    """The `wanted` block devices of /proc/diskstats (Documentation/admin-guide/iostats)."""
    disks: dict[str, Values] = {}
    for line in text.splitlines():
        _, _, name, *rest = line.split()
        if not wanted(name):
            continue
        counts = [int(part) for part in rest]
        waits = counts[3] + counts[7]  # then discards (Linux 4.18) and flushes (5.5)
        waits += sum(counts[at] for at in (14, 16) if at < len(counts))
        disks[name] = {
            "read_bytes_total": counts[2] * _SECTOR,
            "written_bytes_total": counts[6] * _SECTOR,
            "reads_total": counts[0],
            "writes_total": counts[4],
            "busy_seconds_total": counts[9] / 1000,
            "wait_seconds_total": waits / 1000,
        }
    return disks


def interfaces(text: str, wanted: Callable[[str], bool]) -> dict[str, Values]:
    """The `wanted` network interfaces of /proc/net/dev."""
    found: dict[str, Values] = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.rpartition(":")
        name = name.strip()
        if not wanted(name):
            continue
        counts = [int(part) for part in rest.split()]
        found[name] = {
            "received_bytes_total": counts[0],
            "sent_bytes_total": counts[8],
            "received_packets_total": counts[1],
            "sent_packets_total": counts[9],
            "errors_total": counts[2] + counts[10],
            "drops_total": counts[3] + counts[11],
        }
    return found


def number(text: str) -> int:
    """The one number that a file holds."""
    if len(text) > _LONGEST:
        raise ValueError(f"a number of {len(text)} characters")
    return int(text)


def host(found: Mapping[str, str], missing: Mapping[str, str], page: int) -> Values:
    """Every metric of HOST_FILES, from the texts by path; where one is missing, the reason.

    `page` is the size of a page of memory there, in bytes.
    """
    values: Values = {}
    for path, names, parse in HOST_FILES:
        text = found.get(path)
        if text is None:
            values.update(dict.fromkeys(names, f"/{path}: {missing.get(path, 'not answered')}"))
            continue
        try:
            values.update(parse(text))
        except NOT_UNDERSTOOD as error:
            values.update(dict.fromkeys(names, f"/{path}: not understood ({error})"))
    for name in SWAPPED:
        if isinstance(pages := values[name], int):
            values[name] = pages * page
    return values


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.splitlines() if line)


def _seconds(ticks: int) -> float:
    return round(ticks * _TICK_S, 3)


def _some(resource: str) -> Callable[[str], Values]:
    return lambda text: {f"pressure_{resource}_seconds_total": waited(text)}


def _full(resource: str) -> Callable[[str], Values]:
    return lambda text: {f"pressure_{resource}_full_seconds_total": stalled(text)}


def _pressure() -> Iterable[tuple[str, tuple[str, ...], Callable[[str], Values]]]:
    for resource in ("cpu", "memory", "io"):
        path = f"proc/pressure/{resource}"
        yield path, (f"pressure_{resource}_seconds_total",), _some(resource)
        if resource != "cpu":  # of the whole machine's processors it is always nought
            yield path, (f"pressure_{resource}_full_seconds_total",), _full(resource)


# Where each metric of the machine as a whole stands: path, metrics, how they are read.
HOST_FILES: Final[tuple[tuple[str, tuple[str, ...], Callable[[str], Values]], ...]] = (
    (
        "proc/stat",
        (
            "cpu_busy_seconds_total",
            "cpu_iowait_seconds_total",
            "cpu_steal_seconds_total",
            "processes_running",
            "processes_blocked",
        ),
        stat,
    ),
    (
        "proc/meminfo",
        (
            "memory_total_bytes",
            "memory_available_bytes",
            "memory_cached_bytes",
            "memory_shared_bytes",
            "memory_slab_bytes",
            "memory_dirty_bytes",
            "memory_huge_pages_bytes",
            "swap_total_bytes",
            "swap_used_bytes",
        ),
        meminfo,
    ),
    ("proc/vmstat", SWAPPED, swapped),
    ("proc/vmstat", ("oom_kills_total",), oom_kills),
    ("proc/loadavg", ("load1", "load5", "threads_alive"), loadavg),
    ("proc/uptime", ("uptime_seconds",), uptime),
    ("proc/net/snmp", ("tcp_segments_sent_total", "tcp_retransmits_total"), tcp),
    *_pressure(),
)
