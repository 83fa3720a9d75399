"""Journal records for the speed bench: what `journalctl -o json` prints on an AI server.

The fields are those systemd 252 puts on each transport (systemd.journal-fields(7)): all of them, or
as `--output-fields` prints them for a reader that wants no others. As journalctl does, every line
has them in another order. A third of the lines is what services print; a few are not UTF-8.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

from boxwatch.events import NORMALISERS

HOST: Final = "gpu-server-1"
UNREADABLE_EVERY: Final = 100_000  # one message in so many is not UTF-8, and so an array
BLOCK: Final = 10_000

_START_US: Final = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC
_STEP_US: Final = 8_000  # so that a million lines are a little more than two hours
_SINCE_BOOT_US: Final = 86_400_000_000
_ORDERS: Final = 8  # of the fields, for each program
_BOOT: Final = "a4acaba0ac0286cc6d17ebc22d2b95b9"

_EVERYWHERE: Final = {
    "_BOOT_ID": _BOOT,
    "_MACHINE_ID": "d595f0e7e88c427ea389fa9626cc11b3",
    "_HOSTNAME": HOST,
    "_RUNTIME_SCOPE": "system",
}
_PROCESS: Final = {"_UID": "0", "_GID": "0", "_CAP_EFFECTIVE": "1ffffffffff"}
# A form, and which of a line's numbers it takes: its place, time since boot, time, content hash,
# time at its source, and the number in its message.
_CHANGING: Final = (
    (
        '"__CURSOR":"s=3b11cc6269af983ae724c88e7e0f595d;i=%x;b=' + _BOOT + ';m=%x;t=%x;x=%x"',
        (0, 1, 2, 3),
    ),
    ('"__REALTIME_TIMESTAMP":"%d"', (2,)),
    ('"__MONOTONIC_TIMESTAMP":"%d"', (1,)),
    ('"_SOURCE_REALTIME_TIMESTAMP":"%d"', (4,)),
)
_NUMBER: Final = (5,)
_LATIN: Final = "[99,97,102,233]%.0s"  # "café" in Latin-1; takes the number and writes nothing


def _service(name: str, command: str, transport: str, **more: str) -> dict[str, str]:
    """The fields journald puts on a line of the service `name`."""
    program = command.split(" ", 1)[0]
    number = zlib.crc32(name.encode())
    return {
        "_TRANSPORT": transport,
        "PRIORITY": "6",
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": name,
        **_PROCESS,
        "_PID": str(500 + number % 4000),
        "_COMM": program.rpartition("/")[2],
        "_EXE": program,
        "_CMDLINE": command,
        "_SYSTEMD_CGROUP": f"/system.slice/{name}.service",
        "_SYSTEMD_SLICE": "system.slice",
        "_SYSTEMD_UNIT": f"{name}.service",
        "_SYSTEMD_INVOCATION_ID": f"{number:032x}",
        **more,
    }


_OLLAMA: Final = _service("ollama", "/usr/local/bin/ollama serve", "stdout", _STREAM_ID="7" * 32)
_DOCKER: Final = _service("docker", "/usr/bin/dockerd -H fd://", "stdout", _STREAM_ID="c" * 32)
_SSHD: Final = _service("ssh", "/usr/sbin/sshd -D", "syslog", SYSLOG_PID="2113")
_CRON: Final = _service("cron", "/usr/sbin/cron -f", "syslog", SYSLOG_PID="711")
_GPU: Final = _service("nvidia-persistenced", "/usr/bin/nvidia-persistenced --verbose", "syslog")
_SYSTEMD: Final = {
    **_PROCESS,
    "_TRANSPORT": "journal",
    "PRIORITY": "6",
    "SYSLOG_IDENTIFIER": "systemd",
    "_PID": "1",
    "_COMM": "systemd",
    "_EXE": "/usr/lib/systemd/systemd",
    "_SYSTEMD_UNIT": "init.scope",
    "CODE_FILE": "src/core/job.c",
    "CODE_LINE": "581",
    "UNIT": "sysstat-collect.service",
    "MESSAGE_ID": "7d4958e842da4a758f6c1cdc7b36dcc5",
    "INVOCATION_ID": "c1f9d09f40c04c60a9b13b9c8c3d2f0e",
}
_KERNEL: Final = {"_TRANSPORT": "kernel", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "kernel"}

# What a program says, as JSON text: a form, and how many numbers below 2^16 it takes.
_SAID: Final[tuple[tuple[Mapping[str, str], str, int], ...]] = (
    (_OLLAMA, r"[GIN] 2026/03/02 - 00:00:00 | 200 | %dms | 10.0.0.9 | POST \"/api/chat\"", 2),
    (_OLLAMA, r"level=INFO source=server.go:594 msg=\"runner started in %d ms\"", 2),
    (_DOCKER, r"time=\"2026-03-02T00:00:00Z\" level=info msg=\"ignoring event\" container=%04x", 3),
    (_SSHD, "Accepted publickey for ops from 10.0.0.7 port %d ssh2: ED25519", 3),
    (_CRON, "(root) CMD (cd / && run-parts --report /etc/cron.hourly # %d)", 2),
    (_GPU, "device 0000:17:00.0 - persistence mode enabled, %d", 1),
    (_SYSTEMD, "Starting sysstat-collect.service - system activity accounting tool %d...", 4),
    (_KERNEL, "[UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.9 LEN=40 PROTO=TCP DPT=%d", 3),
)
"""A program's own fields, what it says with a number in it, and how many of twenty lines it has."""

_Numbers = tuple[int, int, int, int, int, int]
_Writer = Callable[[_Numbers], str]


def journal_lines(count: int, seed: int = 0, *, whole: bool = False) -> Iterator[bytes]:
    """`count` NDJSON records in the order of their time, in blocks of whole lines.

    They have the fields that Boxwatch reads, or, as `whole` records, all that journald gives. Line
    n depends on `seed` and n alone, so that a longer journal begins like a shorter one.
    """
    writers = _writers(np.random.default_rng(seed), whole=whole)
    for start in range(0, count, BLOCK):
        lines = _block(start, min(BLOCK, count - start), seed, writers)
        yield "".join(lines).encode()


def write_journal(path: Path, count: int, seed: int = 0, *, whole: bool = False) -> int:
    """Write `count` records to `path`; returns the bytes written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb", buffering=0) as file:
        return sum(file.write(block) for block in journal_lines(count, seed, whole=whole))


def _block(start: int, count: int, seed: int, writers: list[list[_Writer]]) -> Iterator[str]:
    random = np.random.default_rng((seed, start))
    late = random.integers(_STEP_US, size=BLOCK).tolist()
    marks = random.integers(2**63, size=BLOCK).tolist()
    said = random.integers(2**16, size=BLOCK).tolist()
    for place in range(count):
        number = start + place
        time = _START_US + number * _STEP_US + late[place]
        kind = writers[-1] if number % UNREADABLE_EVERY == 7 else writers[number * 7 % 20]
        up = time - _START_US + _SINCE_BOOT_US
        yield kind[marks[place] % _ORDERS]((number, up, time, marks[place], time - 40, said[place]))


def _writers(random: np.random.Generator, *, whole: bool) -> list[list[_Writer]]:
    """The writers, by order of the fields, of each of twenty lines, then of one not UTF-8."""
    kinds = []
    for own, form, share in (*_SAID, (_OLLAMA, "", 1)):
        fields = {
            name: text
            for name, text in {**_EVERYWHERE, **own}.items()
            if whole or name in NORMALISERS["systemd"].columns
        }
        message = f'"{form}"' if form else _LATIN
        kinds += [[_writer(fields, message, random) for _ in range(_ORDERS)]] * share
    return kinds


def _writer(fields: Mapping[str, str], message: str, random: np.random.Generator) -> _Writer:
    """What makes a line of its numbers, with the fields in an order drawn from `random`."""
    fixed = [(f'"{name}":"{text}"', ()) for name, text in fields.items()]
    drawn = [*fixed, *_CHANGING, (f'"MESSAGE":{message}', _NUMBER)]
    order = [drawn[place] for place in random.permutation(len(drawn))]
    template = "{" + ",".join(text for text, _ in order) + "}\n"
    pick = itemgetter(*(place for _, places in order for place in places))
    return lambda numbers: template % pick(numbers)
