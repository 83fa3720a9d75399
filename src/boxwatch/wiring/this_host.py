"""The name of this machine, for those who need nothing else of hosts."""

from __future__ import annotations

import socket


def host_name() -> str:
    """The name this machine's records carry."""
    return socket.gethostname()
