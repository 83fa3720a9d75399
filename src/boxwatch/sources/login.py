"""Where and as whom to log in over SSH; apart from the rest, which loads only when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in, as whom, and what proves both sides.

    `keys` are private key files, tried in their order; `known_hosts` holds the host keys that are
    trusted. A peer that does not answer for `silent_s` is given up.
    """

    host: str
    port: int
    user: str
    keys: tuple[Path, ...]
    known_hosts: Path
    connect_s: float = 15.0
    silent_s: float = 9.0

    def __str__(self) -> str:
        """The address, as the settings name it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{self.user}@{host}:{self.port}"
