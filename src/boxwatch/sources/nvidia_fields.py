"""Which fields of `nvidia-smi --query-gpu` are asked for, and what its answers say.

One unknown field fails the whole query, and names changed over the years, so the fields are
discovered: `nvidia-smi --help-query-gpu` lists each on a line of its own, in quotes, with its
other names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# One field a line; of several names the first that this driver knows is asked for.
_WANTED: Final = """
index
uuid gpu_uuid
name gpu_name
pci.bus_id gpu_bus_id
serial gpu_serial
driver_version
vbios_version
persistence_mode
mig.mode.current
gpu_recovery_action
fabric.state
fabric.status
temperature.gpu
temperature.gpu.tlimit
temperature.memory
utilization.gpu
utilization.memory
memory.total
memory.used
memory.free
memory.reserved
power.draw.instant power.draw
power.draw.average
enforced.power.limit
power.limit
fan.speed
pstate
clocks.current.graphics clocks.gr
clocks.current.sm clocks.sm
clocks.current.memory clocks.mem
clocks.max.sm clocks.max.graphics
clocks.max.memory clocks.max.mem
clocks_event_reasons.active clocks_throttle_reasons.active
clocks_event_reasons_counters.hw_thermal_slowdown
clocks_event_reasons_counters.hw_power_brake_slowdown
clocks_event_reasons_counters.sw_thermal_slowdown
clocks_event_reasons_counters.sw_power_cap
clocks_event_reasons_counters.sync_boost
pcie.link.gen.current pcie.link.gen.gpucurrent
pcie.link.gen.max
pcie.link.gen.gpumax
pcie.link.gen.hostmax
pcie.link.width.current
pcie.link.width.max
ecc.mode.current
ecc.errors.corrected.volatile.total
ecc.errors.corrected.volatile.dram
ecc.errors.corrected.volatile.sram
ecc.errors.corrected.aggregate.total
ecc.errors.uncorrected.volatile.total
ecc.errors.uncorrected.volatile.dram
ecc.errors.uncorrected.volatile.sram
ecc.errors.uncorrected.aggregate.total
remapped_rows.correctable
remapped_rows.uncorrectable
remapped_rows.pending
remapped_rows.failure
remapped_rows.histogram.low
remapped_rows.histogram.none
retired_pages.single_bit_ecc.count retired_pages.sbe
retired_pages.double_bit.count retired_pages.dbe
retired_pages.pending
"""

WANTED: Final = tuple(tuple(line.split()) for line in _WANTED.strip().splitlines())
IDENTITY: Final = ("index", "uuid", "name", "pci.bus_id", "serial")

_NAMES: Final = re.compile(r'^"([\w.]+)"((?: or "[\w.]+")*)\s*$', re.MULTILINE)
_QUOTED: Final = re.compile(r'"([\w.]+)"')
_UNIT: Final = re.compile(r"\s*\[[^\]]*\]$")


def choose(help_text: str) -> list[str]:
    """The wanted fields that this nvidia-smi knows, by a name it knows; empty if none."""
    known = {name for line in _NAMES.finditer(help_text) for name in _QUOTED.findall(line.group(0))}
    chosen = []
    for names in WANTED:
        found = next((name for name in names if name in known), None)
        if found is not None:
            chosen.append(found)
    return chosen


def is_header(line: str, fields: Sequence[str]) -> bool:
    """True if `line` is the heading of an answer to a query for `fields`."""
    titles = [_UNIT.sub("", cell) for cell in cells(line)]
    return len(titles) == len(fields) and titles[0] == fields[0]


def cells(line: str) -> list[str]:
    """The values of one line; nvidia-smi quotes nothing."""
    return [cell.strip() for cell in line.split(",")]
