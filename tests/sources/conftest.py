"""Shared by the tests of the sources: reading with patience, and real journals and daemons."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture
def rows():
    """The JSON objects of `chunks` of one kind."""

    def of(chunks, kind):
        return [
            json.loads(line) for chunk in chunks if chunk.kind == kind
            for line in chunk.lines.splitlines()
        ]

    return of


@pytest.fixture
def until():
    """Read a source until `enough(chunks)` holds; fails after `limit_s`."""

    async def read(source, enough, limit_s=15.0):
        chunks = []
        async with asyncio.timeout(limit_s):
            while True:
                chunks += await source.read()
                if enough(chunks):
                    return chunks
                await asyncio.sleep(0.01)

    return read


@pytest.fixture
def belongings():
    """A count of this process's open files, children and threads, to compare before and after."""

    def count():
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
            children = file.read().split()
        return Counter(files=len(os.listdir("/proc/self/fd")), children=len(children))

    return count


JOURNALD = Path("/lib/systemd/systemd-journald")


class Journal:
    """A real journald of our own: its folder, its socket, and when it has taken what was sent."""

    def __init__(self, folder, process):
        self.folder = folder / "log"
        self.process = process
        self.options = (f"--directory={self.folder}",)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._target = str(folder / "sockets" / "socket")

    def send(self, message, **fields):
        """Log one entry over the native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
        data = message if isinstance(message, bytes) else message.encode()
        entry = b"MESSAGE\n" + len(data).to_bytes(8, "little") + data + b"\n"
        for name, value in {"PRIORITY": 6, "SYSLOG_IDENTIFIER": "test", **fields}.items():
            entry += f"{name}={value}\n".encode()
        self._socket.sendto(entry, self._target)

    def wait_for(self, message):
        """Until an entry with `message` can be read."""
        deadline = time.monotonic() + 10
        while message not in self.messages():
            assert time.monotonic() < deadline, f"{message!r} did not arrive"
            time.sleep(0.02)

    def messages(self):
        argv = ["journalctl", *self.options, "--output=json", "--all", "--no-pager", "--merge"]
        out = subprocess.run(argv, capture_output=True, check=True).stdout
        return [json.loads(line).get("MESSAGE") for line in out.splitlines()]

    def rotate(self):
        """Close the journal file and begin another (systemd-journald.service(8), SIGUSR2)."""
        before = len(list(self.folder.rglob("*.journal")))
        self.process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + 10
        while len(list(self.folder.rglob("*.journal"))) == before:
            assert time.monotonic() < deadline, "journald did not rotate"
            time.sleep(0.02)

    def archived(self):
        """The files that were rotated away."""
        return [path for path in self.folder.rglob("*.journal") if "@" in path.name]

    def close(self):
        self._socket.close()
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def journal(tmp_path):
    """A real, empty journald in a mount namespace of its own."""
    for tool in ("journalctl", "unshare"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    if not JOURNALD.exists() or os.geteuid() != 0:
        pytest.skip("a journald of our own needs systemd-journald and root")
    script = Path(__file__).with_name("journal_host.sh")
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "bash", script, tmp_path, JOURNALD],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 5
    while not (tmp_path / "sockets" / "socket").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            pytest.skip("journald does not start in a mount namespace here")
        time.sleep(0.01)
    found = Journal(tmp_path, process)
    yield found
    found.close()
