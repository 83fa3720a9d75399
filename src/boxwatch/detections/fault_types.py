"""What kind of fault an unusual window looks like, by the features that explain its score.

A type is a word to filter, count and route by; what it may come from and what to do is for
`incidents/causes.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# View -> type -> the features that speak for it.
FAULT_TYPES: Final[Mapping[str, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        "host": {
            "cpu_storm": frozenset({"cpu_busy", "cpu_saturated", "cpu_pressure", "load"}),
            "memory_leak": frozenset(
                {"memory_used", "memory_climb", "memory_pressure", "swap_used", "swap_traffic"}
            ),
            "disk_full": frozenset({"filesystem_used", "filesystem_climb"}),
            "network_ddos": frozenset(
                {"net_small_packets", "net_received", "net_sent", "net_errors"}
            ),
            "process_explosion": frozenset({"processes"}),
            "io_storm": frozenset(
                {
                    "disk_busy",
                    "disk_latency",
                    "disk_written",
                    "disk_read",
                    "io_pressure",
                    "cpu_iowait",
                    "blocked",
                }
            ),
        },
        "gpu": {
            # Not by `throttle`: it rises with an external power brake too.
            "thermal_throttle": frozenset({"temperature", "memory_temperature", "fan"}),
            "memory_leak": frozenset({"memory_climb"}),
        },
    }
)
_LEAST_SHARE: Final = 0.25  # of the score, below which no type is named


def fault_type(view: str, shares: Mapping[str, float]) -> str | None:
    """The type whose features explain most of the score; None where no type explains a quarter.

    Args:
        view: `host` or `gpu`; other views have no types.
        shares: Feature -> the part of the score that it explains, 0 to 1.
    """
    explained = {
        name: sum(shares.get(feature, 0.0) for feature in features)
        for name, features in FAULT_TYPES.get(view, {}).items()
    }
    best = max(explained, key=lambda name: explained[name], default=None)
    return best if best is not None and explained[best] >= _LEAST_SHARE else None
