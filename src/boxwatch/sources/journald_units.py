"""Which entries concern chosen units, as matches for journalctl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_KINDS: Final = (
    *("automount", "device", "mount", "path", "scope", "service"),
    *("slice", "socket", "swap", "target", "timer"),
)


def unit_matches(units: Sequence[str]) -> list[str]:
    """Matches for what `units` write, what systemd says of them, and the kernel's lines.

    As `journalctl --unit=` does (journalctl(1), add_matches_for_unit in logs-show.c), which cannot
    be told to add other lines. A name without a kind is a service. No units: no matches.
    """
    matches: list[str] = []
    for name in dict.fromkeys(units):
        unit = name if name.rpartition(".")[2] in _KINDS else f"{name}.service"
        field = "_SYSTEMD_SLICE" if unit.endswith(".slice") else "_SYSTEMD_UNIT"
        matches += [f"{field}={unit}", "+", "_PID=1", f"UNIT={unit}", "+"]
        matches += ["_UID=0", f"OBJECT_SYSTEMD_UNIT={unit}", "+"]
    return [*matches, "_TRANSPORT=kernel"] if matches else []
