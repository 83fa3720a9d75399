"""The instances of cards that are split (MIG), as `nvidia-smi -q` lists them.

No query has fields for them. What is told of an instance is its memory and its memory errors; how
busy one is nvidia-smi does not tell ("not currently supported", says its own help), and temperature
and power are those of the card. https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from boxwatch.sources.source import Shell

Instance = dict[str, str]

_LIMIT_BYTES: Final = 4 << 20  # sixteen cards with seven instances each take 300 KB
_CARD: Final = re.compile(r"^GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])\s*$")
_LINE: Final = re.compile(r"^( *)([^:]+?)\s*(?::\s*(.*?)\s*)?$")
_WANTED: Final[Mapping[tuple[str, str], str]] = {
    ("", "Index"): "instance",
    ("", "GPU Instance ID"): "gpu_instance",
    ("", "Compute Instance ID"): "compute_instance",
    ("Shared", "Multiprocessor count"): "multiprocessors",
    ("Volatile", "SRAM Uncorrectable"): "ecc_uncorrected_sram",
    ("Shared FB Memory Usage", "Total"): "memory_total",
    ("Shared FB Memory Usage", "Used"): "memory_used",
    ("Shared FB Memory Usage", "Free"): "memory_free",
    ("FB Memory Usage", "Total"): "memory_total",  # as older drivers call it
    ("FB Memory Usage", "Used"): "memory_used",
    ("FB Memory Usage", "Free"): "memory_free",
}


async def read_instances(
    shell: Shell, program: str, limit_s: float
) -> dict[str, list[Instance]] | None:
    """The instances by the PCI address of their card; null where nvidia-smi does not say.

    Raises:
        SourceError: nvidia-smi is missing, refused or hung.

    """
    done = await shell.run([program, "-q"], limit_s=limit_s, limit_bytes=_LIMIT_BYTES)
    if done.status != 0 or done.flooded:
        return None
    return instances(done.stdout.decode("utf-8", "replace"))


def instances(text: str) -> dict[str, list[Instance]]:
    """What the pages of `nvidia-smi -q` say of instances, with values as printed."""
    found: dict[str, list[Instance]] = {}
    card, inside = "", False
    section = ""
    for line in text.splitlines():
        begun = _CARD.match(line)
        if begun is not None:
            card, inside = begun[1], False
            continue
        read = _LINE.match(line)
        if read is None or not card:
            continue
        deep, name, value = len(read[1]), read[2], read[3]
        if deep <= 4:
            inside, section = name == "MIG Device" and value is None, ""
            if inside:
                found.setdefault(card, []).append({})
        elif inside and value is None:
            section = name
        elif inside:
            wanted = _WANTED.get((section if deep > 8 else "", name))
            if wanted is not None:
                found[card][-1].setdefault(wanted, str(value))
    return {card: [one for one in ones if "instance" in one] for card, ones in found.items()}
