"""Host rows: processor, memory, disk, file systems, network and sensor, counters as raw totals."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from boxwatch.sources.simulated.world import GIB, Series, World, follow

CORES: Final = 32
MEMORY: Final = 128 * GIB
SWAP: Final = 8 * GIB
BOOTED_S: Final = 1_036_800.0  # twelve days before the start
ROOT_SIZE: Final = 198e9
DATA_SIZE: Final = 1.78e12
_DISK_BYTES_PER_S: Final = 2.6e9
_LINK_BYTES_PER_S: Final = 125e6 * 10

Frames = dict[str, pl.DataFrame]


def rows(world: World) -> Frames:
    """One frame per entity, one row a second, columns by the names of `events.metrics`."""
    disk, iowait, blocked = _disk(world, world.random("disk"))
    return {
        "host": _machine(world, world.random("host"), (iowait, blocked)),
        "disk:nvme0n1": disk,
        "fs:/": _file_system(world.host.root_used, ROOT_SIZE, 12_582_912),
        "fs:/data": _file_system(world.host.data_used, DATA_SIZE, 117_440_512),
        "net:eth0": _network(world, world.random("net")),
        "sensor:cpu": _sensor(world, world.random("sensor")),
    }


def _total(rate: Series, first: float, digits: int = 0) -> Series:
    total = np.round(first + np.cumsum(rate), digits)
    return total.astype(np.int64) if digits == 0 else total


def _disk(world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, Series, Series]:
    host, n = world.host, world.span.seconds
    read = np.maximum(host.read, 0) * rng.uniform(0.85, 1.15, n)
    written = np.maximum(host.written, 0) * rng.uniform(0.85, 1.15, n)
    reads = read / 180e3 + (read > 0)
    writes = written / 42e3 + 1.0
    busy = np.minimum((read + written) / _DISK_BYTES_PER_S + 4e-5 * (reads + writes), 1.0)
    busy = np.minimum(busy * host.latency, 1.0)
    queue = 1 / (1.04 - busy)
    wait = (8e-5 * reads + 3e-5 * writes) * host.latency * queue
    blocked = np.round(np.minimum(wait / 8, 24) + host.blocked)
    iowait = np.minimum(0.02 + 0.9 * busy * np.minimum(wait, 6) + 0.8 * host.blocked, CORES - 1)
    frame = pl.DataFrame(
        {
            "read_bytes_total": _total(read, 8.4e12),
            "written_bytes_total": _total(written, 5.1e12),
            "reads_total": _total(reads, 4.7e7),
            "writes_total": _total(writes, 1.2e8),
            "busy_seconds_total": _total(busy, 51234.0, 3),
            "wait_seconds_total": _total(wait, 90211.0, 3),
        }
    )
    return frame, iowait, blocked


def _machine(world: World, rng: np.random.Generator, disk: tuple[Series, Series]) -> pl.DataFrame:
    iowait, blocked = disk
    host, n = world.host, world.span.seconds
    wanted = host.cpu + rng.normal(0, 0.05, n) * (1 + host.cpu / 8)
    busy = np.clip(wanted, 0.05, CORES)
    waiting = np.clip(iowait, 0, CORES - busy)
    running = np.clip(np.round(wanted + host.running + rng.normal(0, 0.4, n)), 1, None)
    pressed = np.clip((wanted + host.running - 0.75 * CORES) / (0.4 * CORES), 0, 1)
    used = np.minimum(host.memory + rng.normal(0, 2e7, n), MEMORY - 6e8)
    cached = _page_cache(host.read + 0.5 * host.written, MEMORY - 2.2e9 - used)
    available = np.clip(MEMORY - used - 9e8 - 0.02 * cached, 2e8, MEMORY)
    stall = np.clip(host.stall, 0, 1)
    paging = host.swap > 0
    out = np.maximum(np.diff(host.swap, prepend=host.swap[:1]), 0) + paging * 4e5 * stall
    load = wanted + host.running + blocked
    return pl.DataFrame(
        {
            "cpu_cores": np.full(n, CORES),
            "cpu_busy_seconds_total": _total(busy, 4.1e6, 2),
            "cpu_iowait_seconds_total": _total(waiting, 21345.0, 2),
            "cpu_steal_seconds_total": np.zeros(n),
            "load1": np.round(follow(load, 60, 1.0), 2),
            "load5": np.round(follow(load, 300, 1.0), 2),
            "processes_alive": np.round(host.processes + 0.4 * busy).astype(np.int64),
            "processes_running": running.astype(np.int64),
            "processes_blocked": blocked.astype(np.int64),
            "memory_total_bytes": np.full(n, int(MEMORY)),
            "memory_available_bytes": available.astype(np.int64) // 4096 * 4096,
            "memory_cached_bytes": cached.astype(np.int64) // 4096 * 4096,
            "swap_total_bytes": np.full(n, int(SWAP)),
            "swap_used_bytes": np.minimum(host.swap, SWAP).astype(np.int64) // 4096 * 4096,
            "swap_in_bytes_total": _total(paging * 9e5 * stall, 1.3e7),
            "swap_out_bytes_total": _total(out, 4.4e7),
            "pressure_cpu_seconds_total": _total(0.002 * busy / CORES + pressed, 801.0, 4),
            "pressure_memory_seconds_total": _total(stall, 3.0, 4),
            "pressure_io_seconds_total": _total(
                np.clip(iowait / 4 + 0.1 * blocked, 0, 1), 1203.0, 4
            ),
            "uptime_seconds": BOOTED_S + np.arange(n),
            "clock_monotonic_seconds": BOOTED_S + np.arange(n),
        }
    )


def _page_cache(filled: Series, room: Series) -> Series:
    """Bytes of page cache: grows with what is read and written, gives way to programs."""
    cache = 34e9
    out = []
    for add, most in zip((0.7 * filled).tolist(), room.tolist(), strict=True):
        cache = max(min(cache * 0.999995 + add, most), 4e8)  # each second starts from the last
        out.append(cache)
    return np.array(out)


def _file_system(used: Series, size: float, inodes: int) -> pl.DataFrame:
    available = np.clip(size * 0.95 - used, 0, None)
    n = len(used)
    return pl.DataFrame(
        {
            "size_bytes": np.full(n, int(size)),
            "available_bytes": available.astype(np.int64) // 4096 * 4096,
            "inodes": np.full(n, inodes),
            "inodes_free": inodes - (used / 190e3).astype(np.int64),
        }
    )


def _network(world: World, rng: np.random.Generator) -> pl.DataFrame:
    host, n = world.host, world.span.seconds
    received = np.minimum(
        np.maximum(host.received, 0) * rng.uniform(0.9, 1.1, n), _LINK_BYTES_PER_S
    )
    sent = np.minimum(np.maximum(host.sent, 0) * rng.uniform(0.9, 1.1, n), _LINK_BYTES_PER_S)
    drops = rng.poisson(0.002, n) + np.maximum(host.drops, 0)
    return pl.DataFrame(
        {
            "received_bytes_total": _total(received, 6.1e12),
            "sent_bytes_total": _total(sent, 2.2e12),
            "received_packets_total": _total(
                received / 1180 + 6 + np.maximum(host.packets, 0), 7.7e9
            ),
            "sent_packets_total": _total(sent / 1010 + 5, 4.9e9),
            "errors_total": np.zeros(n, dtype=np.int64),
            "drops_total": _total(drops.astype(np.float64), 1721.0),
        }
    )


def _sensor(world: World, rng: np.random.Generator) -> pl.DataFrame:
    day = 1.4 * np.cos(2 * np.pi * (world.span.hour_of_day() - 16) / 24)
    heat = follow(np.minimum(world.host.cpu, CORES), 45, 1.0)
    celsius = 37 + day + 1.25 * heat**0.95 + rng.normal(0, 0.25, world.span.seconds)
    return pl.DataFrame({"sensor_celsius": np.round(celsius * 8) / 8})
