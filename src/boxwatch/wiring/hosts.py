"""Settings -> the hosts that are watched: what each is called, and how commands run there."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch import parts
from boxwatch.settings import Host, Settings, read_address
from boxwatch.sources import LocalShell, Login, Position, Shell
from boxwatch.wiring.this_host import host_name

_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")  # in the order in which ssh(1) prefers them


@dataclass(frozen=True, slots=True)
class Watched:
    """A host that is watched.

    `prefix` begins its position keys, empty where no hosts are configured. `only` are the sources
    wanted there, empty for all.
    """

    name: str
    shell: Shell
    prefix: str = ""
    remote: bool = False
    only: Sequence[str] = ()

    def wants(self, source: str) -> bool:
        """True if `source` is to be read there."""
        return not self.only or source in self.only


def watched(settings: Settings) -> list[Watched]:
    """Every host of the settings; this machine alone if there are none."""
    if not settings.hosts:
        return [Watched(host_name(), LocalShell())]
    return [
        Watched(
            name=host.name,
            shell=shell_of(settings, host),
            prefix=f"{host.name}/",
            remote=not host.local,
            only=host.sources,
        )
        for host in settings.hosts
    ]


def shell_of(settings: Settings, host: Host) -> Shell:
    """How commands run on `host`."""
    if host.local:
        return LocalShell()
    shell: Shell = parts.load("ssh-shell")(login_of(settings, host))
    return shell


def login_of(settings: Settings, host: Host) -> Login:
    """Where to log in to reach `host`, as whom, and with which files."""
    address = read_address(host.address)
    keys = usual_keys() if host.key is None else [settings.beside_file(host.key)]
    return Login(
        host=address.host,
        port=address.port,
        user=address.user,
        keys=tuple(keys),
        known_hosts=settings.known_hosts(host),
    )


def usual_keys() -> list[Path]:
    """The private keys that ssh(1) would try by itself, those that are there."""
    folder = Path(pwd.getpwuid(os.getuid()).pw_dir, ".ssh")
    return [folder / name for name in _KEYS if (folder / name).is_file()]


def labelled(settings: Settings, labels: Sequence[str]) -> list[Host]:
    """The hosts of the settings that have all of `labels`, each written key=value."""
    wanted = set(labels)
    return [
        host
        for host in settings.hosts
        if wanted <= {f"{key}={value}" for key, value in host.labels.items()}
    ]


def gone(settings: Settings, positions: Mapping[str, Position]) -> list[str]:
    """Hosts that were watched over SSH when `positions` were taken and are no longer."""
    names = {host.name for host in settings.hosts if not host.local}
    lines = [key for key, at in positions.items() if key.endswith("/ssh") and "told" not in at]
    return [name for name in (key.removesuffix("/ssh") for key in lines) if name not in names]
