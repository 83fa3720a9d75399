"""Journal records for the speed bench: what `journalctl -o json` prints on a busy AI server.

The fields are those that systemd 252 puts on each transport (systemd.journal-fields(7)), in the
order it prints them, the ones Boxwatch does not read included: a reader pays for them too. Most
lines are what services print; in a thousand there is one whose message is an array of bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

HOST: Final = "gpu-server-1"
UNREADABLE_EVERY: Final = 1000  # one message in so many is not UTF-8, and so an array of numbers
_START_US: Final = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC
_STEP_US: Final = 8_000  # so that a million lines are a little more than two hours
_BOOT: Final = "a4acaba0ac0286cc6d17ebc22d2b95b9"
_MACHINE: Final = "d595f0e7e88c427ea389fa9626cc11b3"
_BLOCK: Final = 1000

_HEAD: Final = (
    '{"__CURSOR":"s=3b11cc6269af983ae724c88e7e0f595d;i=%x;b=' + _BOOT + ';m=%x;t=%x;x=%x",'
    '"__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"%d","_BOOT_ID":"' + _BOOT + '",'
    '"_MACHINE_ID":"' + _MACHINE + '","_HOSTNAME":"' + HOST + '",'
)

Words = Callable[[random.Random], str]
_Template = tuple[str, str]  # what follows the head, with places for the source time and message


def _unit(name: str, command: str, transport: str, priority: int = 6) -> str:
    """The fields journald adds to a line of the service `name`, up to its time and message."""
    program = command.split(maxsplit=1)[0].rpartition("/")[2]
    return (
        f'"_TRANSPORT":"{transport}","PRIORITY":"{priority}","SYSLOG_FACILITY":"3",'
        f'"SYSLOG_IDENTIFIER":"{name}","_UID":"0","_GID":"0","_CAP_EFFECTIVE":"1ffffffffff",'
        f'"_SELINUX_CONTEXT":"unconfined\\n","_SYSTEMD_SLICE":"system.slice",'
        f'"_PID":"{1000 + len(command) * 37}","_COMM":"{program}","_EXE":"{command.split(maxsplit=1)[0]}",'
        f'"_CMDLINE":"{command}","_SYSTEMD_CGROUP":"/system.slice/{name}.service",'
        f'"_SYSTEMD_UNIT":"{name}.service",'
        f'"_SYSTEMD_INVOCATION_ID":"{random.Random(name).getrandbits(128):032x}",'
    )


def _printed(name: str, command: str) -> str:
    stream = random.Random(command).getrandbits(128)
    return _unit(name, command, "stdout") + f'"_STREAM_ID":"{stream:032x}",'


_OLLAMA: Final = _printed("ollama", "/usr/local/bin/ollama serve")
_VLLM: Final = _printed("vllm", "/opt/vllm/bin/python3 -m vllm.entrypoints.openai.api_server")
_DOCKER: Final = _printed("docker", "/usr/bin/dockerd -H fd:// --containerd=/run/containerd.sock")
_SSHD: Final = _unit("ssh", "/usr/sbin/sshd -D", "syslog") + '"SYSLOG_PID":"2113",'
_CRON: Final = _unit("cron", "/usr/sbin/cron -f", "syslog") + '"SYSLOG_PID":"711",'
_SYSTEMD: Final = (
    '"_TRANSPORT":"journal","PRIORITY":"6","SYSLOG_FACILITY":"3","SYSLOG_IDENTIFIER":"systemd",'
    '"_UID":"0","_GID":"0","_CAP_EFFECTIVE":"1ffffffffff","_PID":"1","_COMM":"systemd",'
    '"_EXE":"/usr/lib/systemd/systemd","_CMDLINE":"/sbin/init","_SYSTEMD_CGROUP":"/init.scope",'
    '"_SYSTEMD_UNIT":"init.scope","_SYSTEMD_SLICE":"-.slice","TID":"1","CODE_FILE":'
    '"src/core/job.c","CODE_LINE":"581","CODE_FUNC":"job_emit_start_message","JOB_TYPE":"start",'
    '"UNIT":"sysstat-collect.service","MESSAGE_ID":"7d4958e842da4a758f6c1cdc7b36dcc5",'
    '"INVOCATION_ID":"c1f9d09f40c04c60a9b13b9c8c3d2f0e",'
)
_KERNEL: Final = (
    '"_TRANSPORT":"kernel","PRIORITY":"4","SYSLOG_FACILITY":"0","SYSLOG_IDENTIFIER":"kernel",'
)


def _request(r: random.Random) -> str:
    return (
        f"[GIN] 2026/03/02 - 00:00:00 | 200 | {r.randrange(20, 9000)}ms | 10.0.0.{r.randrange(256)}"
        f' | POST     \\"/api/chat\\"'
    )


def _slot(r: random.Random) -> str:
    return (
        f"time=2026-03-02T00:00:00.000Z level=INFO source=server.go:594 msg="
        f'\\"llama runner started in {r.randrange(100, 900) / 100} seconds\\"'
    )


def _throughput(r: random.Random) -> str:
    return (
        f"INFO 03-02 00:00:00 [metrics.py:481] Avg prompt throughput: {r.randrange(9000) / 10} "
        f"tokens/s, Running: {r.randrange(40)} reqs, GPU KV cache usage: {r.randrange(1000) / 10}%"
    )


def _completion(r: random.Random) -> str:
    return (
        f"INFO:     10.0.0.{r.randrange(256)}:{r.randrange(1024, 65536)} - "
        f'\\"POST /v1/chat/completions HTTP/1.1\\" 200 OK'
    )


def _container(r: random.Random) -> str:
    return (
        f'time=\\"2026-03-02T00:00:00.000000000Z\\" level=info msg=\\"ignoring event\\" '
        f"container={r.getrandbits(256):064x} module=libcontainerd"
    )


def _login(r: random.Random) -> str:
    return f"Accepted publickey for ops from 10.0.0.{r.randrange(256)} port {r.randrange(65536)}"


def _job(r: random.Random) -> str:
    return f"(root) CMD (   cd / && run-parts --report /etc/cron.hourly {r.randrange(100)})"


def _starting(r: random.Random) -> str:
    return f"Starting sysstat-collect.service - system activity accounting tool {r.randrange(9)}..."


def _dropped(r: random.Random) -> str:
    return f"[UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.{r.randrange(256)} DPT={r.randrange(65536)}"


# In twenty lines: what each program says. Inference servers talk most.
_MIX: Final[tuple[tuple[str, Words], ...]] = (
    *((_OLLAMA, _request),) * 5,
    *((_OLLAMA, _slot),) * 2,
    *((_VLLM, _completion),) * 4,
    *((_VLLM, _throughput),) * 1,
    *((_DOCKER, _container),) * 2,
    *((_SSHD, _login),) * 2,
    *((_CRON, _job),) * 1,
    *((_SYSTEMD, _starting),) * 2,
    *((_KERNEL, _dropped),) * 1,
)


def journal_lines(count: int, seed: int = 0, first: int = 0) -> Iterator[bytes]:
    """`count` NDJSON records from the `first` on, in blocks of whole lines; seeded, in order.

    Line n is the same whatever `count` and `first` are, to a multiple of 1,000.
    """
    for start in range(first, first + count, _BLOCK):
        block = _block(start, min(_BLOCK, first + count - start), random.Random(f"{seed}:{start}"))
        yield block.encode()


def write_journal(path: Path, count: int, seed: int = 0) -> int:
    """Write `count` records to `path`; returns the bytes written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb", buffering=2**20) as file:
        return sum(file.write(block) for block in journal_lines(count, seed))


def _block(start: int, count: int, r: random.Random) -> str:
    lines = []
    for number in range(start, start + count):
        time = _START_US + number * _STEP_US + r.randrange(_STEP_US)
        since_boot = time - _START_US + 10**9
        head = _HEAD % (number, since_boot, time, r.getrandbits(64), time, since_boot)
        fields, words = _MIX[number * 7 % len(_MIX)]
        message = f'"{words(r)}"'
        if number % UNREADABLE_EVERY == 7:
            message = "[99,97,102,233]"  # "café" in Latin-1
        tail = f'"_SOURCE_REALTIME_TIMESTAMP":"{time - 40}","MESSAGE":{message}}}\n'
        lines.append(head + fields + tail)
    return "".join(lines)
