"""What a service is called: one name for a unit or container in lines, readings and findings."""

from __future__ import annotations

import re
from typing import Final

# Units that exist once are one service: `session-12.scope` and `session-13.scope`.
INSTANCE: Final = r"[0-9a-f]{8,}|\d+"
_LONGEST: Final = 80
_SHORT_ID: Final = 12  # how many letters of a container id people see

_ID: Final = re.compile(r"[0-9a-f]{12}")
_INSTANCE: Final = re.compile(INSTANCE)


def of_unit(unit: str) -> str:
    """The entity of a systemd unit, as the service view names it."""
    return f"service:{_INSTANCE.sub('*', unit.removesuffix('.service'))[:_LONGEST]}"


def of_container(identifier: str, name: str = "") -> str:
    """The entity of a container: its name, or the short form of its id where no name is known.

    Some engines (LXC) have names alone; such a name is its own id.
    """
    if name:
        return f"service:{name.lstrip('/')}"
    return f"service:{identifier[:_SHORT_ID] if _ID.match(identifier) else identifier[:_LONGEST]}"
