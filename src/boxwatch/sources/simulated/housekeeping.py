"""The lines of an ordinary day: timers, cron, logins and scanners, databases, health checks."""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.sources.simulated.channels import CHANNELS
from boxwatch.sources.simulated.jobs import login, logout, unit
from boxwatch.sources.simulated.world import Series, World


def keep_house(world: World) -> None:
    """Everything that goes on whether or not anyone asks for a model."""
    _timers(world)
    _cron(world)
    _scanners(world)
    _people(world)
    _databases(world)
    _health_checks(world)
    _now_and_then(world)
    _floor(world)


def poisson_times(world: World, rng: np.random.Generator, per_hour: float) -> Series:
    """Instants of a Poisson process over the span."""
    count = rng.poisson(per_hour * world.span.seconds / 3600)
    return np.sort(rng.uniform(0, world.span.seconds, count))


def _timers(world: World) -> None:
    host = world.host
    for period, phase, name, what, seconds, cores in (
        (600.0, 0.2, "sysstat-collect.service", "system activity accounting tool", 0.4, 0.3),
        (3600.0, 1.7, "logrotate.service", "Rotate log files", 2.6, 0.8),
        (43200.0, 22680.0, "apt-daily.service", "Daily apt download activities", 21.0, 1.0),
        (86400.0, 23160.0, "apt-daily-upgrade.service", "Daily apt upgrade", 35.0, 1.1),
        (86400.0, 4000.0, "fstrim.service", "Discard unused blocks", 14.0, 0.2),
        (86400.0, 32000.0, "man-db.service", "Daily man-db regeneration", 6.0, 1.0),
    ):
        for at in world.span.every(period, phase).tolist():
            unit(world, at, name, what, starting=True)
            unit(world, at + seconds, name, what, starting=False)
            window = slice(int(at), int(at + seconds) + 1)
            host.cpu[window] += cores
            host.read[window] += 6e6
            host.written[window] += 4e6
            if name.startswith("apt"):
                host.received[window] += 2.5e6


def _cron(world: World) -> None:
    def job(at: float, command: str) -> None:
        say = world.lines.add
        say(at, "CRON", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
        say(at + 0.01, "CRON", f"(root) CMD ({command})")
        say(at + 0.4, "CRON", "pam_unix(cron:session): session closed for user root")

    for at in world.span.every(600.0, 301.0).tolist():
        job(at, "command -v debian-sa1 > /dev/null && debian-sa1 1 1")
    for at in world.span.every(3600.0, 1021.0).tolist():
        job(at, "cd / && run-parts --report /etc/cron.hourly")
    for at in world.span.every(1800.0, 77.0).tolist():
        world.lines.add(
            at,
            "smartd",
            "Device: /dev/nvme0n1, SMART Usage Attribute: 194 Temperature_Celsius changed "
            f"from {60 + int(at) % 3} to {61 - int(at) % 2}",
        )


def _scanners(world: World) -> None:
    rng = world.random("scanners")
    users = ("root", "admin", "ubuntu", "test", "oracle", "git", "postgres", "pi")
    for at in poisson_times(world, rng, 34.0).tolist():
        address = ".".join(str(part) for part in rng.integers(1, 254, 4).tolist())
        port = int(rng.integers(20000, 65000))
        user = users[int(rng.integers(len(users)))]
        say = world.lines.add
        if rng.random() < 0.55:
            say(at, "sshd", f"Invalid user {user} from {address} port {port}")
            say(
                at + 0.9,
                "sshd",
                f"Connection closed by invalid user {user} {address} port {port} [preauth]",
            )
        else:
            say(
                at,
                "sshd",
                f"Connection closed by authenticating user root {address} port {port} [preauth]",
            )
        if rng.random() < 0.03:
            say(
                at + 1.2,
                "sshd",
                "error: kex_exchange_identification: Connection closed by remote host",
                3,
            )


def _people(world: World) -> None:
    rng = world.random("people")
    for number, at in enumerate(poisson_times(world, rng, 0.7).tolist()):
        end = at + float(rng.lognormal(6.5, 1.0))
        login(world, at, "ops", 1200 + number)
        if end < world.span.seconds:
            logout(world, end, "ops", 1200 + number)
        stop = int(min(end, world.span.seconds))
        world.host.processes[int(at) : stop] += 4


def _databases(world: World) -> None:
    rng = world.random("databases")
    say = world.lines.add
    for at in world.span.every(300.0, 41.0).tolist():
        buffers = int(rng.integers(20, 900))
        say(at, "postgres", "{ts} UTC [27] LOG:  checkpoint starting: time")
        say(
            at + 0.1 * buffers,
            "postgres",
            f"{{ts}} UTC [27] LOG:  checkpoint complete: wrote {buffers} buffers "
            f"({buffers / 163.84:.1f}%); 0 WAL file(s) added, 0 removed, 0 recycled; "
            f"write={0.1 * buffers:.3f} s, sync=0.004 s, total={0.1 * buffers + 0.02:.3f} s",
        )
    for at in world.span.every(300.0, 128.0).tolist():
        say(at, "redis", "1:M {ts} * 100 changes in 300 seconds. Saving...")
        say(
            at + 0.01,
            "redis",
            f"1:M {{ts}} * Background saving started by pid {2000 + int(at) % 700}",
        )
        say(at + 0.11, "redis", "1:M {ts} * Background saving terminated with success")
    for at in poisson_times(world, rng, 0.35).tolist():
        say(
            at,
            "postgres",
            "{ts} UTC [1931] LOG:  could not receive data from client: Connection reset by peer",
        )
    for at in poisson_times(world, rng, 0.12).tolist():
        say(
            at,
            "postgres",
            "{ts} UTC [1774] ERROR:  canceling statement due to user request",
        )


def _health_checks(world: World) -> None:
    for container, phase, command in (
        ("open-webui", 18.9, "curl --silent --fail http://localhost:8080/health"),
        ("postgres", 4.0, "pg_isready -U webui"),
    ):
        image = CHANNELS[container].image
        for at in world.span.every(30.0, phase).tolist():
            exec_id = f"{int(at * 1000):016x}{CHANNELS[container].container_id[:48]}"
            for delay, action in ((0.0, "exec_create"), (0.02, "exec_start")):
                world.lines.event(
                    at + delay,
                    container,
                    f"{action}: /bin/sh -c {command}",
                    execID=exec_id,
                    image=image,
                )
            world.lines.event(
                at + 0.13, container, "exec_die", execID=exec_id, exitCode="0", image=image
            )


# Rate an hour, channel, priority, text.
_OCCASIONAL: Final = (
    (
        0.15,
        "kernel",
        4,
        "perf: interrupt took too long (3162 > 3136), lowering "
        "kernel.perf_event_max_sample_rate to 63000",
    ),
    (
        0.5,
        "kernel",
        6,
        "docker0: port 1(veth6b1c0de) entered disabled state",
    ),
    (
        0.08,
        "kernel",
        4,
        "workqueue: blk_mq_run_work_fn hogged CPU for >10000us 4 times, consider switching "
        "to WQ_UNBOUND",
    ),
    (
        1.0,
        "chronyd",
        6,
        "Selected source 192.0.2.123 (2.debian.pool.ntp.org)",
    ),
    (
        0.1,
        "chronyd",
        4,
        "Received KoD RATE from 192.0.2.77",
    ),
    (
        0.6,
        "dockerd",
        6,
        'time="{ts}Z" level=warning msg="Health check for container took longer than usual"',
    ),
    (
        0.25,
        "dockerd",
        6,
        'time="{ts}Z" level=error msg="Handler for GET /v1.45/containers/nope/json '
        'returned error: No such container: nope"',
    ),
    (
        2.0,
        "nginx",
        6,
        '10.20.0.14 - - "GET /status HTTP/1.1" 200 612',
    ),
    (
        0.4,
        "nginx",
        3,
        "[error] 1341#1341: *88 connect() failed (104: Connection reset by peer) "
        "while reading response header from upstream",
    ),
    (
        4.0,
        "node_exporter",
        6,
        'level=info msg="scrape finished" collector=textfile',
    ),
    (
        0.2,
        "node_exporter",
        4,
        'level=warn msg="collector took long" collector=nvme duration_seconds=0.61',
    ),
    (
        0.3,
        "open-webui",
        6,
        "{ts} | WARNING  | open_webui.socket.main:usage:178 - session pool: stale client dropped",
    ),
    (
        0.2,
        "systemd",
        4,
        "user@1000.service: Killing process 9921 (gpg-agent) with signal SIGKILL.",
    ),
)


def _now_and_then(world: World) -> None:
    """Warnings and errors that mean nothing: without them no alarm would be tested."""
    rng = world.random("now-and-then")
    for per_hour, channel, level, text in _OCCASIONAL:
        for at in poisson_times(world, rng, per_hour).tolist():
            world.lines.add(at, channel, text, level)


def _floor(world: World) -> None:
    """What the box does when nothing happens."""
    host, rng, n = world.host, world.random("floor"), world.span.seconds
    host.cpu += 0.42 + rng.gamma(1.2, 0.12, n)
    host.memory += 9.8e9 + 3e8 * np.sin(2 * np.pi * world.span.hour_of_day() / 24)
    host.processes += 432 + np.round(rng.normal(0, 1.6, n))
    flush = (np.arange(n) % 5 == 0) * rng.gamma(1.5, 9e5, n)
    host.written += flush + 2e4
    host.read += (rng.random(n) < 0.02) * rng.gamma(1.0, 4e5, n)
    host.received += rng.gamma(2.0, 4e3, n) + (np.arange(n) % 15 == 3) * 5e3
    host.sent += rng.gamma(2.0, 4e3, n) + (np.arange(n) % 15 == 3) * 9e4
    host.root_used += 61e9 + 1.2e3 * np.arange(n)
    host.data_used += 1.46e12 + 9.0e3 * np.arange(n)
