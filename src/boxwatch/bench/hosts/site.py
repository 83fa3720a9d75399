"""A few small hosts on one network of their own, with a place on it to watch them from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from boxwatch.bench.hosts.host import Host, Place
from boxwatch.errors import EnvironmentFault

_SUBNET: Final = "10.77"
_TOOLS: Final = ("unshare", "nsenter", "ip", "ssh-keygen", "journalctl")
_SYSTEMD: Final = (Path("/lib/systemd/systemd"), Path("/usr/lib/systemd/systemd"))
_MOST: Final = 200


class Site:
    """A network namespace with a bridge; hosts are joined to it by a cable each.

    Nothing in it reaches the machine's own network. Use it as a context manager: it takes its
    hosts down with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, Host] = {}
        self._programs = _programs()
        folder.mkdir(parents=True, exist_ok=True)
        self.key = folder / "id"
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.touch()
        _make_key(self.key)
        Path("/run/sshd").mkdir(exist_ok=True)
        argv = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self._holder = subprocess.Popen(argv, stdout=subprocess.PIPE)
        try:
            # What it writes says that it is in its namespace now.
            if self._holder.stdout is None or not self._holder.stdout.readline():
                raise EnvironmentFault("This user cannot make a network namespace here.")
            for line in (
                "link set lo up",
                "link add cables type bridge",
                f"address add {_SUBNET}.255.1/16 dev cables",
                "link set cables up",
            ):
                _check(self.inside("ip", *line.split()))
        except BaseException:
            self.close()
            raise

    def inside(self, *argv: str) -> list[str]:
        """`argv` as it is run on the site's network."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *argv]

    def add(self, name: str, *, containers: bool = False) -> Host:
        """A new host, up and answering logins.

        Args:
            name: its host name; letters and digits.
            containers: whether it runs a container engine.

        Raises:
            EnvironmentFault: it does not come up on this machine; says why.

        """
        programs = dict(self._programs)
        if not containers:
            programs.pop("dockerd", None)
        elif "dockerd" not in programs:
            raise EnvironmentFault("dockerd is not on this machine.")
        number = len(self.hosts) + 1
        if number > _MOST:
            raise EnvironmentFault(f"A site has room for {_MOST} hosts.")
        place = Place(self.folder / name, name, f"{_SUBNET}.0.{number}")
        host = Host(place, programs, self.inside, self.key.with_suffix(".pub"))
        self.hosts[name] = host
        host.start()
        with self.known_hosts.open("a", encoding="utf-8") as file:
            file.write(f"{place.address} {host.public_key()}\n")
        return host

    def close(self) -> None:
        """Take every host down, and the network."""
        for host in self.hosts.values():
            host.close()
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _programs() -> dict[str, str]:
    """Where the programs are that a host needs.

    Raises:
        EnvironmentFault: one is missing, or this user may not make hosts.

    """
    if os.geteuid() != 0:
        raise EnvironmentFault("Small hosts need root.", hint="Run this as root.")
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    systemd = next((path for path in _SYSTEMD if path.exists()), None)
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    missing += ["systemd"] if systemd is None else []
    missing += ["sshd"] if sshd is None else []
    if missing or systemd is None or sshd is None:
        raise EnvironmentFault(
            f"{', '.join(missing)} not on this machine.",
            hint="On Debian: apt-get install systemd openssh-server iproute2 util-linux",
        )
    dockerd = shutil.which("dockerd")
    return {
        "systemd": str(systemd),
        "sshd": sshd,
        **({} if dockerd is None else {"dockerd": dockerd}),
    }


def _make_key(path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "small-host", "-f", str(path)]
    _check(argv)


def _check(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise EnvironmentFault(f"{' '.join(argv)!r} failed: {said}")
