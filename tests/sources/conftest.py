"""Shared by the tests of the sources: reading with patience, and real journals and daemons."""

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from boxwatch.sources import JournaldSource, JournalOptions, LocalShell, Pauses


@pytest.fixture
def rows():
    """The JSON objects of `chunks` of one kind."""

    def of(chunks, kind):
        return [
            json.loads(line)
            for chunk in chunks
            if chunk.kind == kind
            for line in chunk.lines.splitlines()
        ]

    return of


@pytest.fixture
def until():
    """Read a source until `enough(chunks)` holds; fails after `limit_s`."""

    async def read(source, enough, limit_s=60.0):
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


@pytest.fixture
def alone(belongings):
    """The belongings once the task that asks is the only one; fails after a minute."""

    async def count():
        async with asyncio.timeout(60):
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0.01)
        return belongings()

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
        deadline = time.monotonic() + 60
        while message not in self.messages():
            assert time.monotonic() < deadline, f"{message!r} did not arrive"
            time.sleep(0.02)

    def restart(self):
        """Kill journald as a crash does, and start it on the same files."""
        self.process.kill()
        self.process.wait(timeout=60)
        (self.folder.parent / "sockets" / "socket").unlink()
        self.process = start_journald(self.folder.parent)

    def messages(self):
        argv = ["journalctl", *self.options, "--output=json", "--all", "--no-pager", "--merge"]
        done = subprocess.run(argv, capture_output=True, check=False)
        assert done.returncode == 0 or b"No journal files" in done.stderr, done.stderr
        return [json.loads(line).get("MESSAGE") for line in done.stdout.splitlines()]

    def rotate(self):
        """Close the journal file and begin another (systemd-journald.service(8), SIGUSR2)."""
        before = len(list(self.folder.rglob("*.journal")))
        self.process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + 60
        while len(list(self.folder.rglob("*.journal"))) == before:
            assert time.monotonic() < deadline, "journald did not rotate"
            time.sleep(0.02)

    def archived(self):
        """The files that were rotated away."""
        return [path for path in self.folder.rglob("*.journal") if "@" in path.name]

    def close(self):
        self._socket.close()
        self.process.terminate()
        self.process.wait(timeout=60)


def start_journald(folder):
    """A journald whose files and socket lie in `folder`; None if it does not start here."""
    script = Path(__file__).with_name("journal_host.sh")
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "bash", script, folder, JOURNALD],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (folder / "sockets" / "socket").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            return None
        time.sleep(0.01)
    return process


@pytest.fixture
def journal(tmp_path):
    """A real, empty journald in a mount namespace of its own."""
    for tool in ("journalctl", "unshare"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    if not JOURNALD.exists() or os.geteuid() != 0:
        pytest.skip("a journald of our own needs systemd-journald and root")
    process = start_journald(tmp_path)
    if process is None:
        pytest.skip("journald does not start in a mount namespace here")
    found = Journal(tmp_path, process)
    found.wait_for("Journal started")  # its own entries must not come between those of the test
    yield found
    found.close()


@pytest.fixture
def journal_source(journal):
    """Builds a source on the test's journal, at a position."""

    def build(position=None, **options):
        options = {"arguments": journal.options, "pauses": Pauses(0.02, 0.1), **options}
        return JournaldSource(LocalShell(), "box", position, JournalOptions(**options))

    return build


class Engine:
    """A real dockerd of our own, without network, and a busybox image in it."""

    IMAGE = "local/busybox:1"

    def __init__(self, folder):
        self.folder = folder
        self.arguments = (f"--host=unix://{folder}/docker.sock",)
        self.process = None

    def start(self):
        folder = self.folder
        with (folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "dockerd",
                    *self.arguments,
                    f"--data-root={folder}/data",
                    f"--exec-root={folder}/exec",
                    f"--pidfile={folder}/docker.pid",
                    "--iptables=false",
                    "--ip6tables=false",
                    "--bridge=none",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while subprocess.run(self.argv("info"), capture_output=True, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                return False
            time.sleep(0.1)
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def argv(self, *arguments):
        return ["docker", *self.arguments, *arguments]

    def do(self, *arguments, **options):
        done = subprocess.run(self.argv(*arguments), capture_output=True, check=False, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def wait_for(self, container, template, value):
        """Until `docker inspect` says `value` of a container."""
        deadline = time.monotonic() + 60
        while self.do("inspect", f"--format={template}", container) != value:
            assert time.monotonic() < deadline, f"{container} is not {value}"
            time.sleep(0.05)

    def wait_for_line(self, container, line):
        """Until a container's log holds `line`."""
        deadline = time.monotonic() + 60
        while line not in self.do("logs", container).splitlines():
            assert time.monotonic() < deadline, f"{container} does not say {line!r}"
            time.sleep(0.05)

    def run(self, script, *options):
        """Start a container of our own in the background; its id."""
        network = "--network=none"
        return self.do("run", "--detach", network, *options, self.IMAGE, "sh", "-c", script)


def _busybox():
    """A tar of a root file system with nothing but busybox."""
    binary, archive = Path(shutil.which("busybox")).read_bytes(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(binary), 0o755
        tar.addfile(entry, io.BytesIO(binary))
        for name in ("sh", "sleep", "head", "tr", "cat", "yes", "seq"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()


@pytest.fixture(scope="session")
def dockerd(tmp_path_factory):
    """One real docker engine for all tests."""
    for tool in ("dockerd", "docker", "busybox"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    if os.geteuid() != 0:
        pytest.skip("a dockerd of our own needs root")
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="bw-docker-"))
    engine = Engine(folder)
    if not engine.start():
        pytest.skip(f"dockerd does not start here: {(folder / 'dockerd.log').read_text()[-300:]}")
    engine.do("import", "-c", "ENV PATH=/bin", "-", engine.IMAGE, input=_busybox())
    yield engine
    left = engine.do("ps", "--all", "--quiet").split()
    if left:
        engine.do("rm", "--force", *left)
    engine.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(dockerd):
    """The engine, emptied of containers afterwards."""
    yield dockerd
    left = dockerd.do("ps", "--all", "--quiet").split()
    if left:
        dockerd.do("rm", "--force", *left)
