"""Which key a host shows, and which are trusted: what a person decides on."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from boxwatch.errors import SourceError
from boxwatch.sources.ssh_connection import shown_host_key

_USUAL_PORT: Final = 22
_OURS: Final = "added-by-boxwatch"  # the comment behind a key, by which it is known as ours


@dataclass(frozen=True, slots=True)
class ShownKey:
    """The key that a host showed. `line` is what goes into a file of known hosts."""

    fingerprint: str
    kind: str
    line: str
    trusted: bool
    changed: bool
    known_to_ssh: bool


async def ask_host_key(host: str, port: int, known_hosts: Path, ssh_known_hosts: Path) -> ShownKey:
    """The key that `host` shows now, against `known_hosts` and those of the user's own ssh.

    Raises:
        SourceError: it cannot be reached, or a file cannot be read.

    """
    key = await shown_host_key(host, port)
    ours = _trusted(known_hosts, host, port)
    return ShownKey(
        fingerprint=key.get_fingerprint(),
        kind=key.algorithm.decode("ascii", "replace"),
        line=_line(host, port, key),
        trusted=key in ours,
        changed=bool(ours) and key not in ours,
        known_to_ssh=key in _trusted(ssh_known_hosts, host, port),
    )


def trust(known_hosts: Path, key: ShownKey) -> None:
    """Write `key` into the file `known_hosts`, which is made where it is missing.

    Raises:
        SourceError: it cannot be written.

    """
    try:
        known_hosts.parent.mkdir(parents=True, exist_ok=True)
        held = known_hosts.read_text(encoding="utf-8") if known_hosts.exists() else ""
        gap = "\n" if held and not held.endswith("\n") else ""
        with known_hosts.open("a", encoding="utf-8") as file:
            file.write(gap + key.line)
    except OSError as error:
        raise SourceError(
            f"The file of known hosts {str(known_hosts)!r} cannot be written: {error.strerror}.",
            state="denied",
        ) from error


def distrust(known_hosts: Path, host: str, port: int) -> int:
    """Take the keys of `host` that `trust` wrote out of the file `known_hosts`; how many.

    Raises:
        SourceError: it cannot be read or written.

    """
    head = f"{_pattern(host, port)} "
    try:
        if not known_hosts.exists():
            return 0
        lines = known_hosts.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not (line.startswith(head) and line.split()[-1] == _OURS)]
        if len(kept) < len(lines):
            file = known_hosts.resolve()
            fresh = file.with_name(f"{file.name}.new")
            fresh.write_text("".join(kept), encoding="utf-8")
            fresh.chmod(stat.S_IMODE(file.stat().st_mode))
            os.replace(fresh, file)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"The file of known hosts {str(known_hosts)!r} cannot be changed: {error}.",
            state="denied",
        ) from error
    return len(lines) - len(kept)


def _line(host: str, port: int, key: asyncssh.SSHKey) -> str:
    kind, data, *_ = key.export_public_key("openssh").decode().split()
    return f"{_pattern(host, port)} {kind} {data} {_OURS}\n"


def _trusted(file: Path, host: str, port: int) -> list[asyncssh.SSHKey]:
    try:
        known = asyncssh.import_known_hosts(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise SourceError(
            f"The file of known hosts {str(file)!r} cannot be read: {error}.", state="denied"
        ) from error
    return list(known.match(host, "", port)[0])


def _pattern(host: str, port: int) -> str:
    return host if port == _USUAL_PORT else f"[{host}]:{port}"
