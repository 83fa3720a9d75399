"""Who gives the command."""

from __future__ import annotations

import os
import pwd


def person() -> str:
    """The name of the user, or the number of one without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
