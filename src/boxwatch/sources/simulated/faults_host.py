"""Faults of the machine: processor, memory, disk, network, processes."""

from __future__ import annotations

import numpy as np

from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.host_rows import CORES, DATA_SIZE, MEMORY, ROOT_SIZE
from boxwatch.sources.simulated.world import GIB, World


def host_memory_leak(world: World, window: Window) -> Effect:
    """A program grows until next to nothing is available; then it swaps, then it is killed."""
    host, cut = world.host, window.cut
    left = window.between(0.09, 0.012) * MEMORY
    room = MEMORY - host.memory[cut].max() - 2e9 - left
    grown = room * window.ramp() ** 0.8
    host.memory[cut] += grown
    free = (MEMORY - host.memory[cut]) / MEMORY
    short = np.clip((0.10 - free) / 0.09, 0, 1)
    host.stall[cut] = 0.5 * short**2
    host.swap[cut] = 6 * GIB * short**1.5
    host.cpu[cut] += 1.0 + 3 * short
    host.read[cut] += 2.5e8 * short**2
    if window.severity > 0.7:
        _kill(world, window.end - 2.0)
    return Effect(
        "host",
        f"A program leaks {grown[-1] / GIB:.0f} GiB of memory in {window.seconds / 60:.0f} "
        f"minutes; {left / MEMORY:.0%} stays available.",
        ("disk:nvme0n1", "service:kernel"),
    )


def _kill(world: World, at: float) -> None:
    say = world.lines.add
    say(
        at,
        "kernel",
        "indexer invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0",
        4,
    )
    say(
        at + 0.01,
        "kernel",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
        "task_memcg=/user.slice/user-1000.slice,task=indexer,pid=70412,uid=1000",
        6,
    )
    say(
        at + 0.02,
        "kernel",
        "Out of memory: Killed process 70412 (indexer) total-vm:121634816kB, "
        "anon-rss:108003328kB, file-rss:2048kB, shmem-rss:0kB, UID:1000",
        3,
    )


def cpu_storm(world: World, window: Window) -> Effect:
    """Runaway threads on nearly every core."""
    cores = window.between(24.0, 31.5)
    threads = window.between(30.0, 180.0)
    world.host.cpu[window.cut] += cores
    world.host.running[window.cut] += threads - cores
    world.host.processes[window.cut] += 4
    return Effect("host", f"Runaway threads burn {cores:.0f} of {CORES} cores.", ("sensor:cpu",))


def disk_full(world: World, window: Window) -> Effect:
    """A file system fills up; what writes to it fails until someone makes room."""
    mount, used, size = (
        ("/data", world.host.data_used, DATA_SIZE)
        if window.rng.random() < 0.5
        else ("/", world.host.root_used, ROOT_SIZE)
    )
    fill = max(int(window.seconds * window.between(0.8, 0.35)), 60)
    room = size * 0.95 - used[window.start]
    room = room if window.severity > 0.25 else room * 0.985
    used[window.start : window.start + fill] += room * np.linspace(0, 1, fill)
    used[window.start + fill : window.end] += room
    rate = room / fill
    world.host.written[window.start : window.start + fill] += min(rate, 1.9e9)
    if window.severity > 0.25:
        _no_space(world, window, window.start + fill, mount)
    return Effect(
        f"fs:{mount}",
        f"{mount} fills up within {fill / 60:.0f} minutes.",
        ("host", "disk:nvme0n1", "service:postgres", "service:redis", "service:docker"),
    )


def _no_space(world: World, window: Window, full: int, mount: str) -> None:
    say = world.lines.add
    for at in window.times(25.0):
        if at < full:
            continue
        if mount == "/data":
            say(
                at,
                "postgres",
                "{ts} UTC [3172] ERROR:  could not extend file "
                '"base/16384/24601": No space left on device',
            )
            say(at + 0.01, "postgres", "{ts} UTC [3172] HINT:  Check free disk space.")
        else:
            say(
                at,
                "dockerd",
                'time="{ts}Z" level=error msg="Failed to write log message" error="write '
                '/var/lib/docker/containers/json.log: no space left on device"',
                3,
            )
        if window.rng.random() < 0.3:
            say(
                at + 3, "redis", "1:M {ts} # Write error saving DB on disk: No space left on device"
            )


def io_storm(world: World, window: Window) -> Effect:
    """The disk saturates: operations queue, tasks block."""
    host, cut = world.host, window.cut
    slow = window.between(6.0, 40.0)
    host.latency[cut] = slow
    host.read[cut] += window.between(2.5e8, 7e8)
    host.written[cut] += window.between(2e8, 6e8)
    host.blocked[cut] += np.round(window.rng.gamma(6, window.between(0.8, 4.0), window.seconds))
    if window.severity > 0.75 and window.seconds > 300:
        for at in window.times(240.0)[1:4]:
            world.lines.add(
                at,
                "kernel",
                "INFO: task postgres:3172 blocked for more than 122 seconds.",
                3,
            )
    return Effect(
        "host",
        f"The disk is saturated; an operation takes {slow:.0f} times as long as usual.",
        ("disk:nvme0n1", "service:kernel"),
    )


def network_flood(world: World, window: Window) -> Effect:
    """Small packets by the hundred thousand; some are dropped."""
    host, cut = world.host, window.cut
    packets = float(np.exp(window.between(np.log(4e4), np.log(6e5))))
    shape = window.rng.uniform(0.85, 1.15, window.seconds)
    host.packets[cut] += packets * shape
    host.received[cut] += 74 * packets * shape
    host.sent[cut] += 20 * packets * shape
    host.drops[cut] += packets * window.between(0.002, 0.08)
    host.cpu[cut] += window.between(1.0, 5.0)
    for at in window.times(60.0):
        world.lines.add(
            at,
            "kernel",
            "TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.",
            6,
        )
    if window.severity > 0.5:
        for at in window.times(20.0):
            world.lines.add(
                at, "kernel", "nf_conntrack: nf_conntrack: table full, dropping packet", 4
            )
    return Effect(
        "host", f"{packets:,.0f} small packets a second arrive.", ("net:eth0", "service:kernel")
    )


def process_explosion(world: World, window: Window) -> Effect:
    """A program forks without end until the limit stops it."""
    host, cut = world.host, window.cut
    most = float(np.exp(window.between(np.log(900), np.log(28000))))
    climb = np.minimum(1.0, 4 * window.ramp())
    host.processes[cut] += np.round(most * climb)
    host.memory[cut] += 1.1e6 * most * climb
    host.running[cut] += window.between(2.0, 30.0) * climb
    host.cpu[cut] += window.between(1.5, 7.0)
    if window.severity > 0.4:
        for at in window.times(45.0):
            if at > window.start + window.seconds / 4:
                world.lines.add(
                    at,
                    "kernel",
                    "cgroup: fork rejected by pids controller in "
                    "/user.slice/user-1000.slice/session-412.scope",
                    6,
                )
                world.lines.add(at + 1, "CRON", "error: fork: Resource temporarily unavailable", 3)
    return Effect(
        "host",
        f"{most:,.0f} processes too many.",
        ("service:kernel", "service:cron", "service:session-*.scope"),
    )
