"""Which findings belong together: the visible table of how a fault spreads through a machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from boxwatch.detections.detection import Detection

# A finding comes within so many seconds after (or BEFORE before) one it can be a consequence of.
# Kinds of entities, in alphabetical order; pairs that do not stand here are unrelated.
NEAR: Final[Mapping[tuple[str, str], float]] = {
    ("disk", "disk"): 120,
    ("disk", "fs"): 600,
    ("disk", "host"): 300,
    ("disk", "service"): 300,
    ("fs", "fs"): 60,
    ("fs", "host"): 600,
    ("fs", "service"): 600,
    ("gpu", "host"): 180,
    ("gpu", "sensor"): 300,
    ("gpu", "service"): 300,
    ("gpu", "source"): 300,
    ("host", "net"): 120,
    ("host", "sensor"): 300,
    ("host", "service"): 300,
    ("host", "source"): 180,
    ("net", "service"): 120,
    ("service", "service"): 180,
    ("service", "source"): 180,
    ("source", "source"): 120,
}
BEFORE: Final = timedelta(seconds=120)  # a consequence may be noticed before its cause
_GPU_SOURCES: Final = {"source:gpu", "source:nvidia"}
# While the first of these rules lasts, the second is its consequence, however late it comes.
EXPLAINS: Final = frozenset(
    {
        ("disk-filling", "no-space-left"),
        ("disk-filling-slowly", "disk-filling"),
        ("disk-filling-slowly", "disk-full"),
        ("disk-filling-slowly", "no-space-left"),
        ("disk-full", "no-space-left"),
        ("service-memory-growing", "host-memory-growing"),
        ("service-memory-growing", "host-memory-low"),
        ("service-memory-growing", "host-oom-kill"),
        ("host-memory-growing", "host-memory-low"),
        ("host-memory-growing", "host-oom-kill"),
        ("host-memory-low", "host-oom-kill"),
        ("host-unreachable", "source-down"),
        ("inodes-low", "no-space-left"),
    }
)
# What lasts for days, and is told as a thing of its own: it neither takes in what else happens
# meanwhile nor joins it.
SLOW: Final = frozenset(
    {
        "disk-filling-slowly",
        "gpu-clock-falling",
        "gpu-ecc-rising",
        "gpu-memory-growing",
        "gpu-temperature-rising",
        "host-memory-growing",
        "reading-frozen",
        "readings-frozen",
        "readings-without-metric",
        "service-memory-growing",
    }
)
# What a person wants to read as a thing of its own: beside what it is known to explain, what
# happens meanwhile is no part of it.
ALONE: Final = frozenset(
    {
        "clock-off",
        "host-unreachable",
        "host-restarted",
        "host-crashed",
        "host-restarted-unseen",
        *SLOW,
    }
)
# What begins with a fault, and may last for weeks: what comes long after is no part of it.
LASTING: Final = frozenset(
    {
        "gpu-ecc-above-peers",
        "gpu-hotter-than-peers",
        "gpu-limit-below-peers",
        "gpu-link-below-peers",
        "gpu-memory-hotter-than-peers",
        "gpu-slower-than-before",
        "gpu-slower-than-peers",
    }
)
_PCI: Final = re.compile(r"^gpu:[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}$")


def kind(entity: str) -> str:
    """The part of an entity before the colon."""
    return entity.partition(":")[0]


def is_address(entity: str) -> bool:
    """True for a GPU known only by its PCI address, not by its index."""
    return _PCI.match(entity) is not None


def near(member: Detection, new: Detection) -> bool:
    """True if `new` begins so close to the begin of `member` that one may explain the other."""
    first, second = sorted((kind(member.entity), kind(new.entity)))
    if (first, second) == ("gpu", "source") and not {member.entity, new.entity} & _GPU_SOURCES:
        return False
    if first == second == "gpu":
        if is_address(member.entity) == is_address(new.entity):
            return False  # two cards; an address and an index may be the same card
        limit = 120.0
    else:
        limit = NEAR.get((first, second), 0.0)
    return limit > 0 and -BEFORE <= new.start - member.start <= timedelta(seconds=limit)


def explains(member: Detection, new: Detection, quiet: timedelta) -> bool:
    """True if one of the two is the known consequence of the other, which still lasts."""
    for cause, effect in ((member, new), (new, member)):
        if (cause.name, effect.name) in EXPLAINS:
            lasts = cause.open or effect.start <= cause.end + quiet
            return lasts and cause.start - quiet <= effect.end
    return False
