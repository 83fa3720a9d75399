"""Faults of services: containers that crash or are killed, units that fail, lines that change."""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.sources.simulated import outage
from boxwatch.sources.simulated.channels import CHANNELS, CONTAINERS
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.vllm import access
from boxwatch.sources.simulated.world import GIB, World

_CRASH: Final = {
    "vllm": (
        "ERROR {ts} [core.py:400] EngineCore failed to start.",
        "Traceback (most recent call last):",
        '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 391',
        "ValueError: Unsupported quantization config: method `fp8_block` is not known",
    ),
    "open-webui": (
        "Traceback (most recent call last):",
        '  File "/app/backend/open_webui/internal/db.py", line 61, in handle_peewee_migration',
        "peewee.OperationalError: duplicate column name: access_control",
    ),
    "postgres": (
        "{ts} UTC [1] FATAL:  could not load private key file "
        '"/etc/ssl/private/server.key": Permission denied',
        "{ts} UTC [1] LOG:  database system is shut down",
    ),
    "redis": (
        "1:M {ts} # Bad file format reading the append only file: make a backup",
        "1:M {ts} # Fatal error loading the DB, check server logs. Exiting.",
    ),
}


def _touched(container: str) -> tuple[str, ...]:
    """The entities on which the death of a container shows besides its own."""
    pages = () if container == "open-webui" else ("service:open-webui",)
    card = (f"gpu:{outage.SERVICES.index(container)}",) if container in outage.SERVICES else ()
    return ("host", "service:docker", *pages, *card)


def container_crash_loop(world: World, window: Window) -> Effect:
    """A container starts, fails and is started again, with growing pauses."""
    container = CONTAINERS[int(window.rng.integers(len(CONTAINERS)))].name
    fixed = window.end - 60
    outage.stop_work(world, container, window.start, window.end)
    if container in outage.SERVICES:
        outage.fail_requests(world, container, window.start, fixed)
    at, pause, count = window.start + 0.5, 0.5, 0
    outage.die(world, at, container, 1)
    lives = window.between(9.0, 1.5)
    while at + pause + lives < fixed:
        at += pause
        outage.begin(world, at, container)
        at += lives
        for line, text in enumerate(_CRASH[container]):
            world.lines.add(at - 0.3 + 0.01 * line, container, text)
        outage.die(world, at, container, 1)
        pause, count = min(pause * 2, 60.0), count + 1
    outage.begin(world, fixed + 1.0, container)
    outage.ready(world, fixed + 45.0, container)
    return Effect(
        f"service:{container}",
        f"The container {container} crashes and is restarted {count} times.",
        _touched(container),
    )


def container_oom(world: World, window: Window) -> Effect:
    """A container grows to its memory limit and is killed, once or more."""
    container = ("open-webui", "vllm", "postgres")[int(window.rng.integers(3))]
    limit = {"open-webui": 8.0, "vllm": 40.0, "postgres": 16.0}[container] * GIB
    kills = 1 + int(window.severity * 3)
    edges = np.linspace(window.start, window.end - 60, kills + 1).astype(int)
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        world.host.memory[begin:end] += limit * np.linspace(0, 1, end - begin) ** 1.2
        _memcg_kill(world, end, container, limit)
        outage.stop_work(world, container, end, min(end + 40, window.end))
        outage.die(world, end + 0.2, container, 137, oom=True)
        outage.begin(world, end + 2.0, container)
        outage.ready(world, min(end + 38.0, window.end - 1.0), container)
        if container in outage.SERVICES:
            outage.fail_requests(world, container, end, end + 38)
    return Effect(
        f"service:{container}",
        f"{container} reaches its memory limit of {limit / GIB:.0f} GiB and is killed "
        f"{kills} time{'s' if kills > 1 else ''}.",
        ("service:kernel", *_touched(container)),
    )


def _memcg_kill(world: World, at: int, container: str, limit: float) -> None:
    scope = f"/system.slice/docker-{CHANNELS[container].container_id}.scope"
    program = {"open-webui": "uvicorn", "vllm": "VLLM::EngineCor", "postgres": "postgres"}[
        container
    ]
    say = world.lines.add
    say(
        at + 0.0,
        "kernel",
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        f"oom_memcg={scope},task_memcg={scope},task={program},pid=30187,uid=0",
        6,
    )
    say(
        at + 0.01,
        "kernel",
        f"Memory cgroup out of memory: Killed process 30187 ({program}) "
        f"total-vm:{int(limit * 1.4 / 1024)}kB, anon-rss:{int(limit / 1024)}kB, file-rss:1024kB, "
        "shmem-rss:0kB, UID:0 pgtables:81004kB oom_score_adj:0",
        3,
    )


_UNITS: Final = (
    (
        "ollama",
        "ollama.service",
        "Ollama Service",
        "Error: listen tcp 0.0.0.0:11434: bind: address already in use",
    ),
    (
        "nginx",
        "nginx.service",
        "A high performance web server",
        "[emerg] 1340#1340: bind() to 0.0.0.0:80 failed (98: Address already in use)",
    ),
    (
        "node_exporter",
        "prometheus-node-exporter.service",
        "Prometheus exporter for machine metrics",
        'level=error msg="listen tcp :9100: bind: address already in use"',
    ),
    (
        "chronyd",
        "chrony.service",
        "chrony, an NTP client/server",
        "Fatal error : Could not open NTP socket on 0.0.0.0:123",
    ),
)


def service_failure(world: World, window: Window) -> Effect:
    """A unit fails, is restarted in vain, and stays failed until someone mends it."""
    channel, unit, what, error = _UNITS[int(window.rng.integers(len(_UNITS)))]
    say = world.lines.add
    outage.stop_work(world, channel, window.start, window.end)
    if channel in outage.SERVICES:
        outage.fail_requests(world, channel, window.start, window.end - 5)
    attempts = 1 + int(window.between(1, 5))
    at = float(window.start)
    for attempt in range(1, attempts + 1):
        say(at, channel, error, 3)
        code = "code=exited, status=1/FAILURE"
        say(at + 0.1, "systemd", f"{unit}: Main process exited, {code}", 5, unit)
        say(at + 0.11, "systemd", f"{unit}: Failed with result 'exit-code'.", 4, unit)
        if attempt < attempts:
            counter = f"restart counter is at {attempt}"
            say(at + 3.2, "systemd", f"{unit}: Scheduled restart job, {counter}.", 6, unit)
            say(at + 3.3, "systemd", f"Started {unit} - {what}.", 6, unit)
        at += 3.5
    say(at, "systemd", f"{unit}: Start request repeated too quickly.", 4, unit)
    say(at + 0.01, "systemd", f"{unit}: Failed with result 'exit-code'.", 4, unit)
    say(at + 0.02, "systemd", f"Failed to start {unit} - {what}.", 3, unit)
    say(window.end - 2.0, "systemd", f"Started {unit} - {what}.", 6, unit)
    also = ("service:open-webui", "gpu:0") if channel == "ollama" else ()
    return Effect(
        CHANNELS[channel].entity,
        f"The unit {unit} fails and cannot be started until it is mended.",
        ("host", *also),
    )


_BURSTS: Final = (
    (
        "open-webui",
        "{ts} | ERROR    | open_webui.utils.chat:generate_chat_completion:312 - Client "
        "disconnected: context canceled",
    ),
    (
        "postgres",
        "{ts} UTC [2044] ERROR:  canceling statement due to user request",
    ),
    (
        "vllm",
        "ERROR {ts} [serving_chat.py:200] Error in preprocessing prompt inputs: "
        "ValueError: This model's maximum context length is 32768 tokens",
    ),
    (
        "nginx",
        "[error] 1341#1341: *88 connect() failed (104: Connection reset by peer) "
        "while reading response header from upstream",
    ),
)


def error_burst(world: World, window: Window) -> Effect:
    """An error that is known and rare comes by the dozen."""
    channel, text = _BURSTS[int(window.rng.integers(len(_BURSTS)))]
    per_minute = float(np.exp(window.between(np.log(15), np.log(400))))
    for at in window.times(60 / per_minute, 0.45):
        world.lines.add(at, channel, text, 3)
        if channel == "open-webui":
            world.lines.add(at, channel, access("10.20.0.41", "POST /api/chat/completions", 500))
    return Effect(
        CHANNELS[channel].entity,
        f"{channel} reports {per_minute:.0f} errors a minute, all of a kind seen before.",
    )


_NEW: Final = (
    (
        "open-webui",
        "{ts} | ERROR    | open_webui.retrieval.vector:query:88 - "
        "chromadb.errors.InternalError: hnsw segment reader: Nothing found on disk",
    ),
    (
        "vllm",
        "ERROR {ts} [multiproc_executor.py:140] Worker proc VllmWorker-0 died "
        "unexpectedly, shutting down executor.",
    ),
    (
        "postgres",
        "{ts} UTC [812] PANIC:  invalid page in block 4411 of relation base/16384/16671",
    ),
    (
        "redis",
        "1:M {ts} # Short read or OOM loading DB. Unrecoverable error, aborting now.",
    ),
    (
        "ollama",
        'time={ts} level=ERROR source=ggml.go:512 msg="tensor checksum mismatch" '
        "layer=blk.17.ffn_down got=0x5ad1 want=0x11f7",
    ),
    (
        "dockerd",
        'time="{ts}Z" level=error msg="failed to verify layer" error="layer digest '
        'mismatch: content may be corrupted"',
    ),
)


def new_error(world: World, window: Window) -> Effect:
    """A few lines that say something never said before."""
    channel, text = _NEW[int(window.rng.integers(len(_NEW)))]
    count = int(window.between(3, 24))
    for at in window.times(window.seconds / count):
        world.lines.add(at, channel, text, 3)
    return Effect(
        CHANNELS[channel].entity, f"{channel} says {count} times what it never said before."
    )


_TALKATIVE: Final = ("ollama", "vllm", "open-webui")


def log_silence(world: World, window: Window) -> Effect:
    """A service works on, but its lines no longer arrive."""
    channel = _TALKATIVE[int(window.rng.integers(len(_TALKATIVE)))]
    world.lines.mute(channel, window.start, window.end)
    return Effect(
        f"service:{channel}", f"No line of {channel} arrives, although it works as usual."
    )


def clock_jump(world: World, window: Window) -> Effect:
    """The wall clock is wrong for a while; the monotonic clock is not."""
    size = float(np.exp(window.between(np.log(25), np.log(420))))
    ahead = size if window.rng.random() < 0.6 else -size
    world.clock_error[window.cut] = ahead
    say = world.lines.add
    say(window.start + 0.2, "systemd", "Time has been changed", about="init.scope")
    say(window.end - 2.0, "chronyd", f"System clock wrong by {-ahead:.6f} seconds", 4)
    say(window.end + 0.1, "chronyd", f"System clock was stepped by {-ahead:.6f} seconds", 4)
    say(window.end + 0.2, "systemd", "Time has been changed", about="init.scope")
    return Effect(
        "host",
        f"The wall clock jumps by {ahead:+.0f} seconds and is corrected later.",
        ("service:chrony", "service:init.scope"),
        shown_from=min(ahead, 0.0),
        shown_until=max(ahead, 0.0) + 1.0,
    )
