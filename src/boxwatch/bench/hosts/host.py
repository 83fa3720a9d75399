"""A small host: real systemd, journald, sshd and perhaps dockerd, in namespaces of their own.

It boots in about a second, from the machine's own programs: there is no image to make. To those
who log in it is a machine like any other, with a boot, a name and an address of its own; only the
kernel, and so the figures under /proc, is the machine's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch.bench.hosts.cgroups import Group
from boxwatch.bench.hosts.image import SSHD_UNIT, USER, USER_ID, write_image
from boxwatch.clock import monotonic
from boxwatch.errors import Defect, EnvironmentFault

_SCRIPT: Final = Path(__file__).with_name("machine.sh")
# Where this Python and Boxwatch lie; a host has folders of its own for /tmp and /home.
_OURS: Final = tuple(
    dict.fromkeys((sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parents[3])))
)
_BOOT_S: Final = 60.0
_ENTER: Final = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd")
_APART: Final = (
    *("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"),
    *("--propagation", "private"),
)
# A shell joins the groups of $1 (one a line), then becomes the rest of its arguments.
_JOIN: Final = 'for one in $1; do echo $$ > "$one/cgroup.procs" || exit 1; done; shift; exec "$@"'
_BANNER: Final = 'exec 3<>/dev/tcp/"$0"/22 && read -r -t 5 line <&3 && [ "${line:0:4}" = SSH- ]'

Inside = Callable[..., list[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is: its folder on this machine, its name, its address."""

    folder: Path
    name: str
    address: str


class Host:
    """One small host of a site; `Site.add` makes it."""

    def __init__(
        self,
        place: Place,
        programs: Mapping[str, str],
        inside: Inside,
        public_key: Path,
    ) -> None:
        self.name = place.name
        self.address = place.address
        self.url = f"ssh://{USER}@{place.address}:22"
        self.folder = place.folder
        self.group = Group(f"boxwatch-{os.getpid()}-{place.name}")
        self._programs = programs
        self._inside = inside
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._cable = ""
        self._boots = 0
        for part in ("root", "layer", "journal", "docker", "home", "cgroups"):
            (place.folder / part).mkdir(parents=True)
        home = place.folder / "home" / USER
        home.mkdir()
        os.chown(home, USER_ID, USER_ID)
        write_image(place.folder / "image", place.name, programs)
        own = place.folder / "image/etc/small-host"
        self._host_key = own / "host_key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._host_key)]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        (own / "authorized").write_bytes(public_key.read_bytes())

    @property
    def pid(self) -> int:
        """The host's first process, as this machine numbers it."""
        return self._pid

    def public_key(self) -> str:
        """The host key, as a line of known_hosts has it after the address."""
        return " ".join(self._host_key.with_suffix(".pub").read_text().split()[:2])

    def start(self) -> None:
        """Boot; returns when logins are answered.

        Raises:
            EnvironmentFault: it does not come up.

        """
        self.group.make()
        for kind in self.group.kinds:
            (self.folder / "cgroups" / kind).touch()
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        with (self.folder / "boot.log").open("ab") as log:
            argv = (*self._namespaces(), "bash", str(_SCRIPT), str(self.folder))
            self._process = subprocess.Popen(
                [*argv, self.name, self.address, self._programs["systemd"], *_OURS],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = monotonic() + _BOOT_S
        self._pid = self._first_process(end)
        self._boots += 1
        self._cable = f"{self.name[:10]}-{self._boots}"
        self._ip(
            "link", "add", self._cable, "type", "veth", "peer", "eth0", "netns", str(self._pid)
        )
        self._ip("link", "set", self._cable, "master", "cables", "up")
        while subprocess.run(
            self._inside("bash", "-c", _BANNER, self.address), check=False, capture_output=True
        ).returncode:
            self._still_booting(end)

    def argv(self, *argv: str) -> list[str]:
        """`argv` as it is run on the host, by its root."""
        return ["nsenter", f"--target={self._pid}", *_ENTER, "--", *argv]

    def run(self, *argv: str, data: bytes | None = None) -> str:
        """Run a command on the host to its end, as its root; what it printed.

        Raises:
            EnvironmentFault: it failed.

        """
        done = subprocess.run(self.argv(*argv), input=data, capture_output=True, check=False)
        if done.returncode != 0:
            raise EnvironmentFault(
                f"{' '.join(argv)!r} on {self.name} ended with {done.returncode}: "
                f"{done.stderr.decode('utf-8', 'replace').strip()[-500:]}"
            )
        return done.stdout.decode("utf-8", "replace")

    def reboot(self) -> None:
        """Shut down in order and boot again."""
        with suppress(EnvironmentFault):  # the command may be ended by what it asked for
            self.run("systemctl", "reboot", "--no-block")
        self._wait_for_end()
        self.start()

    def crash(self) -> None:
        """Lose power: nothing is shut down."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._wait_for_end()

    def pull_cable(self) -> None:
        """Cut the host off from the network; its side does not notice."""
        self._ip("link", "set", self._cable, "down")

    def plug_cable(self) -> None:
        """Join it to the network again."""
        self._ip("link", "set", self._cable, "up")

    def pause(self) -> None:
        """Stop every process of the host; its kernel still answers on the network."""
        self.group.freeze(frozen=True)

    def resume(self) -> None:
        """Go on after `pause`."""
        self.group.freeze(frozen=False)

    def sessions_cpu_s(self) -> float:
        """Processor seconds of sshd and of all that runs for those who log in."""
        return self.group.cpu_s(f"system.slice/{SSHD_UNIT}" if self.group.unified else "sessions")

    def sessions(self) -> list[int]:
        """The processes of sshd and of all that runs for those who are logged in."""
        return self.group.pids(f"system.slice/{SSHD_UNIT}")

    def close(self) -> None:
        """Take it down for good; its folder stays."""
        with suppress(OSError):
            self.group.freeze(frozen=False)
        if self._process is not None and self._process.poll() is None:
            self.crash()
        self.group.remove()

    def _namespaces(self) -> tuple[str, ...]:
        """What starts a program as the first process of namespaces of its own, in our group."""
        join = ("sh", "-c", _JOIN, "join", "\n".join(map(str, self.group.folders)))
        return (*join, "unshare", *_APART)

    def _first_process(self, end: float) -> int:
        pid = self._started().pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        while True:
            self._still_booting(end)
            with suppress(OSError):
                found = children.read_text().split()
                if found:
                    return int(found[0])

    def _still_booting(self, end: float) -> None:
        if self._started().poll() is not None or monotonic() > end:
            self.close()
            raise EnvironmentFault(
                f"The small host {self.name!r} does not come up on this machine.",
                hint=(self.folder / "boot.log").read_text(errors="replace")[-500:].strip(),
            )
        time.sleep(0.02)

    def _wait_for_end(self) -> None:
        self._started().wait(_BOOT_S)
        self.group.remove()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise Defect(f"The small host {self.name!r} was never started.")
        return self._process

    def _ip(self, *arguments: str) -> None:
        argv: Sequence[str] = self._inside("ip", *arguments)
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise EnvironmentFault(f"{' '.join(argv)!r} failed: {said}")
