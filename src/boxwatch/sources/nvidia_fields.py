"""Which fields of `nvidia-smi --query-gpu` are asked for, and what its answers say.

One unknown field fails the whole query, and names changed over the years, so the fields are
discovered: `nvidia-smi --help-query-gpu` lists each on a line of its own, in quotes, with its
other names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

# One field a line; of several names the first that this driver knows is asked for.
_EVERY_TIME: Final = """
index
uuid gpu_uuid
name gpu_name
pci.bus_id gpu_bus_id
gpu_recovery_action
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
clocks_event_reasons.active clocks_throttle_reasons.active
clocks_event_reasons_counters.hw_thermal_slowdown
clocks_event_reasons_counters.hw_power_brake_slowdown
clocks_event_reasons_counters.sw_thermal_slowdown
clocks_event_reasons_counters.sw_power_cap
clocks_event_reasons_counters.sync_boost
pcie.link.gen.current pcie.link.gen.gpucurrent
pcie.link.gen.max
pcie.link.width.current
pcie.link.width.max
ecc.errors.corrected.volatile.total
ecc.errors.uncorrected.volatile.total
remapped_rows.correctable remapped_rows.sbe
remapped_rows.uncorrectable remapped_rows.dbe
remapped_rows.pending
remapped_rows.failure
retired_pages.pending
"""

# What hardly ever moves: asked for with the rest, handed over when it changed, and once a minute.
_ON_CHANGE: Final = """
serial gpu_serial
driver_version kmd_version
vbios_version
compute_cap
persistence_mode
inforom.checksum_validation
gsp.mode.current
mig.mode.current
fabric.state
fabric.status
fabric.health.summary
fabric.health.bandwidth
fabric.health.route_recovery_in_progress
fabric.health.route_unhealthy
fabric.health.access_timeout_recovery
fabric.health.incorrect_configuration
clocks.max.memory clocks.max.mem
clocks_event_reasons.gpu_idle clocks_throttle_reasons.gpu_idle
clocks_event_reasons.sw_power_cap clocks_throttle_reasons.sw_power_cap
clocks_event_reasons.hw_slowdown clocks_throttle_reasons.hw_slowdown
clocks_event_reasons.hw_thermal_slowdown clocks_throttle_reasons.hw_thermal_slowdown
clocks_event_reasons.hw_power_brake_slowdown clocks_throttle_reasons.hw_power_brake_slowdown
clocks_event_reasons.sw_thermal_slowdown clocks_throttle_reasons.sw_thermal_slowdown
clocks_event_reasons.sync_boost clocks_throttle_reasons.sync_boost
pcie.link.gen.gpucurrent
pcie.link.gen.gpumax
pcie.link.gen.hostmax
ecc.mode.current
ecc.mode.pending
ecc.errors.corrected.volatile.dram
ecc.errors.corrected.volatile.sram
ecc.errors.corrected.aggregate.total
ecc.errors.corrected.aggregate.dram
ecc.errors.corrected.aggregate.sram
ecc.errors.uncorrected.volatile.dram
ecc.errors.uncorrected.volatile.sram
ecc.errors.uncorrected.aggregate.total
ecc.errors.uncorrected.aggregate.dram
ecc.errors.uncorrected.aggregate.sram
ecc.errors.uncorrected.aggregate.sram.thresholdExceeded
ecc.errors.uncorrected.aggregate.sram.parity
ecc.errors.uncorrected.aggregate.sram.secded
ecc.errors.uncorrected.aggregate.sram.l2
ecc.errors.uncorrected.aggregate.sram.sm
ecc.errors.uncorrected.aggregate.sram.mcu
ecc.errors.uncorrected.aggregate.sram.pcie
ecc.errors.uncorrected.aggregate.sram.other
remapped_rows.correctable_inactive
remapped_rows.uncorrectable_inactive
remapped_rows.histogram.max
remapped_rows.histogram.high
remapped_rows.histogram.partial
remapped_rows.histogram.low
remapped_rows.histogram.none
retired_pages.single_bit_ecc.count retired_pages.sbe
retired_pages.double_bit.count retired_pages.dbe
"""


def _names(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in table.strip().splitlines())


WANTED: Final = (*_names(_EVERY_TIME), *_names(_ON_CHANGE))
SELDOM: Final = frozenset(name for names in _names(_ON_CHANGE) for name in names)

_LISTED: Final = re.compile(r'^"([\w.]+)"((?: or "[\w.]+")*)\s*$', re.MULTILINE)
_QUOTED: Final = re.compile(r'"([\w.]+)"')
_UNIT: Final = re.compile(r"\s*\[[^\]]*\]$")
_REFUSED: Final = re.compile(r'Field "([\w.]+)" is not a valid field to query')
# "GPU 0000:02:00.0: GPU is lost. …", "GPU0000:07:00.0: Unknown Error", "GPU1: 0000:41:00.0: …"
_HANDLE: Final = re.compile(
    r"device handle for gpu\s*(?:\d{1,3}:\s*)?"
    r"(?P<bus>[0-9a-f]{3,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])\s*:\s*(?P<words>.*)",
    re.IGNORECASE,
)
_NO_CARDS: Final = "No devices were found"


class LostCard(NamedTuple):
    """A card that nvidia-smi itself names as lost: its PCI bus id, and the words for it."""

    bus_id: str
    words: str


def choose(help_text: str, refused: Collection[str] = ()) -> list[str]:
    """The wanted fields that this nvidia-smi knows, by a name it knows; empty if none.

    Fields it lists and yet `refused` are left out.
    """
    listed = _LISTED.finditer(help_text)
    known = {name for line in listed for name in _QUOTED.findall(line.group(0))} - set(refused)
    chosen: dict[str, None] = {}
    for names in WANTED:
        found = next((name for name in names if name in known), None)
        if found is not None:
            chosen[found] = None
    return list(chosen)


def is_header(line: str, fields: Sequence[str]) -> bool:
    """True if `line` is the heading of an answer to a query for `fields`."""
    titles = [_UNIT.sub("", cell) for cell in cells(line)]
    return len(titles) == len(fields) and titles[0] == fields[0]


def cells(line: str) -> list[str]:
    """The values of one line; nvidia-smi quotes nothing."""
    return [cell.strip() for cell in line.split(",")]


def refused_field(line: str) -> str | None:
    """The field that nvidia-smi refuses to be asked for in `line`, if it does."""
    found = _REFUSED.search(line)
    return None if found is None else found.group(1)


def lost_card(line: str) -> LostCard | None:
    """The card that `line` says cannot be reached, if it does."""
    found = _HANDLE.search(line)
    return None if found is None else LostCard(found["bus"], found["words"].strip()[:200])


def has_no_cards(line: str) -> bool:
    """True if nvidia-smi says in `line` that the driver works and knows no card."""
    return _NO_CARDS in line
