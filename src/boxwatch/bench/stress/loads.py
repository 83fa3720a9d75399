"""The loads themselves. Each runs in a worker process of its own until its lease ends.

Every load is bounded and leaves nothing behind, however it ends: files are unlinked before they
are filled, children watch a pipe, sockets are of the loopback only.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from boxwatch.bench.stress.lease import Lease

MEMORY_SHARE: Final = 0.6  # of what programs could still get
DISK_KEPT_FREE: Final = 0.1  # of the file system, never touched
DISK_MAX_BYTES: Final = 2**30
MAX_CHILDREN: Final = 400
_CHUNK: Final = 4 * 2**20
_DATAGRAM: Final = 32 * 2**10
_CGROUP_LIMITS: Final = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


class Load(StrEnum):
    """What can be loaded."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    PROCESSES = "processes"


def cpu(lease: Lease) -> dict[str, float]:
    """Compute on one core for `share` of the time."""
    busy = 0.0
    while lease.holds():
        began = time.process_time()
        while time.process_time() - began < 0.05:
            sum(range(1000))
        spent = time.process_time() - began
        busy += spent
        if lease.share < 1:
            lease.rest(spent * (1 - lease.share) / lease.share)
    return {"busy_seconds": busy}


def memory(lease: Lease) -> dict[str, float]:
    """Hold and touch `share` of the memory it may take: at most 60 % of what is available."""
    _offer_to_oom_killer()
    goal = int(available_memory() * MEMORY_SHARE * lease.share)
    floor = available_memory() * (1 - MEMORY_SHARE)
    held: list[bytearray] = []
    while lease.holds() and (len(held) + 1) * _CHUNK <= goal and available_memory() > floor:
        held.append(bytearray(os.urandom(4096) * (_CHUNK // 4096)))
    while lease.rest(1.0) > 0:
        for block in held:  # keep it resident; no swapping it quietly away
            block[0] = (block[0] + 1) % 256
    return {"held_bytes": float(len(held) * _CHUNK)}


def disk(lease: Lease) -> dict[str, float]:
    """Write, sync, read and drop an unlinked file; never below 10 % free."""
    limit = int(disk_room(lease.folder) * lease.share)
    written = read = 0
    with tempfile.TemporaryFile(dir=lease.folder) as file:
        block = os.urandom(_CHUNK)
        while lease.holds():
            if file.tell() + _CHUNK > limit:
                file.seek(0)
                while lease.holds() and (got := len(file.read(_CHUNK))):
                    read += got
                file.seek(0)
                file.truncate()
                if limit < _CHUNK or disk_room(lease.folder) < _CHUNK:
                    break
            written += file.write(block)
            file.flush()
            os.fsync(file.fileno())
    return {"written_bytes": float(written), "read_bytes": float(read)}


def network(lease: Lease) -> dict[str, float]:
    """Send datagrams and a stream to itself, over the loopback only."""
    sent = 0
    datagram = os.urandom(_DATAGRAM)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sender,
    ):
        receiver, _ = server.accept()
        with receiver:
            udp.bind(("127.0.0.1", 0))
            while lease.holds():
                began = time.monotonic()
                for _ in range(50):
                    sent += udp.sendto(datagram, udp.getsockname())
                    udp.recv(_DATAGRAM)
                    sender.sendall(datagram)
                    sent += _drain(receiver, _DATAGRAM)
                if lease.share < 1:
                    lease.rest((time.monotonic() - began) * (1 - lease.share) / lease.share)
    return {"sent_bytes": float(sent)}


def processes(lease: Lease) -> dict[str, float]:
    """Fork at most 400 sleeping children, that end with this process."""
    goal = round(MAX_CHILDREN * lease.share)
    reader, writer = os.pipe()
    children: list[int] = []
    while lease.holds() and len(children) < goal:
        try:
            pid = os.fork()
        except BlockingIOError:  # the limit of this user; what there is must do
            break
        if pid == 0:
            os.close(writer)
            select.select([reader], [], [])
            os._exit(0)
        children.append(pid)
    while lease.rest(1.0) > 0:
        pass
    os.close(writer)
    for pid in children:
        os.waitpid(pid, 0)
    os.close(reader)
    return {"children": float(len(children))}


LOADS: Final[dict[Load, Callable[[Lease], dict[str, float]]]] = {
    Load.CPU: cpu,
    Load.MEMORY: memory,
    Load.DISK: disk,
    Load.NETWORK: network,
    Load.PROCESSES: processes,
}


def available_memory() -> int:
    """Bytes that programs here could still get, by the machine and by the control group."""
    rooms = [_meminfo("MemAvailable")]
    for limit, usage in _CGROUP_LIMITS:
        try:
            rooms.append(int(Path(limit).read_text()) - int(Path(usage).read_text()))
        except (OSError, ValueError):  # no such group, or the limit is "max"
            continue
    return max(0, min(rooms))


def disk_room(folder: Path) -> int:
    """Bytes a load may write below `folder`: 1 GiB at most, and 10 % stays free."""
    usage = shutil.disk_usage(folder)
    return max(0, min(DISK_MAX_BYTES, int(usage.free - usage.total * DISK_KEPT_FREE)))


def _meminfo(name: str) -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _drain(receiver: socket.socket, size: int) -> int:
    left = size
    while left:
        left -= len(receiver.recv(left))
    return size


def _offer_to_oom_killer() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:  # not Linux, or not allowed: the share alone must do
        return
