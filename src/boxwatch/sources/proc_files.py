"""Metrics from the text of /proc files (proc(5)); counters as raw totals, in base units.

A value is a number, or the text that says why it is unknown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

Values = dict[str, float | int | str]

_TICK_S: Final = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_SECTOR: Final = 512  # always, whatever the device says (Documentation/block/stat)


def read(path: Path) -> str:
    """The text of a /proc or /sys file; raises OSError where it cannot be read."""
    file = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(file, 65536):
            parts.append(part)
    finally:
        os.close(file)
    return b"".join(parts).decode("utf-8", "backslashreplace")


def host(proc: Path) -> Values:
    """Everything of the entity `host`; a file that is not there makes its metrics unknown."""
    values: Values = {}
    for name, names, parse in _HOST_FILES:
        try:
            values.update(parse(read(proc / name)))
        except OSError as error:
            values.update(dict.fromkeys(names, f"{proc / name}: {error.strerror}"))
        except (ValueError, IndexError, KeyError) as error:
            values.update(dict.fromkeys(names, f"{proc / name}: not understood ({error})"))
    values["processes_alive"] = sum(1 for name in os.listdir(proc) if name[0] in "123456789")
    return values


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
        "cpu_cores": sum(1 for line in lines[1:] if line.startswith("cpu")),
        "cpu_busy_seconds_total": _seconds(user + nice + system + irq + softirq),
        "cpu_iowait_seconds_total": _seconds(iowait),
        "cpu_steal_seconds_total": _seconds(steal),
        "processes_running": int(counted["procs_running"]),
        "processes_blocked": int(counted["procs_blocked"]),
    }


def meminfo(text: str) -> Values:
    """Memory and swap from /proc/meminfo."""
    kibi = {}
    for line in text.splitlines():
        name, _, amount = line.partition(":")
        kibi[name] = int(amount.split()[0]) * 1024
    return {
        "memory_total_bytes": kibi["MemTotal"],
        "memory_available_bytes": kibi["MemAvailable"],
        "memory_cached_bytes": kibi["Cached"],
        "swap_total_bytes": kibi["SwapTotal"],
        "swap_used_bytes": kibi["SwapTotal"] - kibi["SwapFree"],
    }


def vmstat(text: str) -> Values:
    """Swap traffic from /proc/vmstat."""
    pages = {}
    for name in ("pswpin", "pswpout"):
        start = text.index(f"\n{name} ") + len(name) + 2
        pages[name] = int(text[start : text.index("\n", start)])
    return {
        "swap_in_bytes_total": pages["pswpin"] * _PAGE,
        "swap_out_bytes_total": pages["pswpout"] * _PAGE,
    }


def loadavg(text: str) -> Values:
    """Load averages from /proc/loadavg."""
    one, five, *_ = text.split()
    return {"load1": float(one), "load5": float(five)}


def uptime(text: str) -> Values:
    """Time since boot from /proc/uptime."""
    return {"uptime_seconds": float(text.split(maxsplit=1)[0])}


def pressure(text: str) -> float:
    """Seconds some task waited, from a file of /proc/pressure (Documentation/accounting/psi)."""
    return int(text.split("\n", 1)[0].rpartition("total=")[2]) / 1e6


def diskstats(text: str) -> dict[str, Values]:
    """Every block device of /proc/diskstats by name (Documentation/admin-guide/iostats)."""
    disks: dict[str, Values] = {}
    for line in text.splitlines():
        parts = line.split()
        counts = [int(part) for part in parts[3:]]
        waits = counts[3] + counts[7]  # then discards (Linux 4.18) and flushes (5.5)
        waits += sum(counts[at] for at in (14, 16) if at < len(counts))
        disks[parts[2]] = {
            "read_bytes_total": counts[2] * _SECTOR,
            "written_bytes_total": counts[6] * _SECTOR,
            "reads_total": counts[0],
            "writes_total": counts[4],
            "busy_seconds_total": counts[9] / 1000,
            "wait_seconds_total": waits / 1000,
        }
    return disks


def interfaces(text: str) -> dict[str, Values]:
    """Every network interface of /proc/net/dev by name."""
    found: dict[str, Values] = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        counts = [int(part) for part in rest.split()]
        found[name.strip()] = {
            "received_bytes_total": counts[0],
            "sent_bytes_total": counts[8],
            "received_packets_total": counts[1],
            "sent_packets_total": counts[9],
            "errors_total": counts[2] + counts[10],
            "drops_total": counts[3] + counts[11],
        }
    return found


def mounts(text: str) -> dict[str, tuple[str, str]]:
    """Mount point -> device and type, from /proc/mounts; the last mount on a point counts."""
    found = {}
    for line in text.splitlines():
        device, point, kind, *_ = line.split(" ")
        found[_unescaped(point)] = (device, kind)
    return found


def _unescaped(text: str) -> str:
    """`text` with the octal escapes of fstab(5) undone."""
    for escape, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escape, char)
    return text


def _seconds(ticks: int) -> float:
    return round(ticks * _TICK_S, 3)


def _waited(resource: str) -> Callable[[str], Values]:
    return lambda text: {f"pressure_{resource}_seconds_total": pressure(text)}


_HOST_FILES: Final[
    tuple[tuple[str, tuple[str, ...], Callable[[str], Mapping[str, float | int | str]]], ...]
] = (
    (
        "stat",
        (
            "cpu_cores",
            "cpu_busy_seconds_total",
            "cpu_iowait_seconds_total",
            "cpu_steal_seconds_total",
            "processes_running",
            "processes_blocked",
        ),
        stat,
    ),
    (
        "meminfo",
        (
            "memory_total_bytes",
            "memory_available_bytes",
            "memory_cached_bytes",
            "swap_total_bytes",
            "swap_used_bytes",
        ),
        meminfo,
    ),
    ("vmstat", ("swap_in_bytes_total", "swap_out_bytes_total"), vmstat),
    ("loadavg", ("load1", "load5"), loadavg),
    ("uptime", ("uptime_seconds",), uptime),
    *(
        (f"pressure/{resource}", (f"pressure_{resource}_seconds_total",), _waited(resource))
        for resource in ("cpu", "memory", "io")
    ),
)
