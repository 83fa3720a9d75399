"""The table of faults: everything that can be injected, and how long it lasts."""

from __future__ import annotations

from typing import Final

from boxwatch.errors import UsageError
from boxwatch.sources.simulated import faults_card as card
from boxwatch.sources.simulated import faults_host as host
from boxwatch.sources.simulated import faults_order as order
from boxwatch.sources.simulated import faults_service as service
from boxwatch.sources.simulated.fault import FaultKind

_KINDS: Final = (
    FaultKind(
        "thermal_slowdown",
        "a fan fails, the GPU overheats and slows down",
        (18, 40),
        card.thermal_slowdown,
        True,
    ),
    FaultKind("gpu_off_bus", "a GPU falls off the bus (Xid 79)", (8, 25), card.gpu_off_bus),
    FaultKind("ecc_storm", "a GPU corrects memory errors by the minute", (12, 40), card.ecc_storm),
    FaultKind(
        "pcie_downtraining",
        "the PCIe link of a GPU gets slower or narrower",
        (15, 40),
        card.pcie_downtraining,
        True,
    ),
    FaultKind(
        "power_brake", "the external power brake holds a GPU back", (10, 30), card.power_brake, True
    ),
    FaultKind(
        "stuck_inference",
        "a GPU is busy, but no request ends",
        (12, 30),
        card.stuck_inference,
        True,
    ),
    FaultKind("vram_leak", "device memory grows and is never given back", (20, 45), card.vram_leak),
    FaultKind(
        "container_crash_loop",
        "a container crashes and is restarted again and again",
        (6, 20),
        service.container_crash_loop,
    ),
    FaultKind(
        "container_oom",
        "a container is killed at its memory limit",
        (6, 20),
        service.container_oom,
        True,
    ),
    FaultKind(
        "host_memory_leak",
        "a program uses up the memory of the machine",
        (15, 40),
        host.host_memory_leak,
    ),
    FaultKind("cpu_storm", "runaway threads on nearly every core", (5, 20), host.cpu_storm),
    FaultKind("disk_full", "a file system fills up", (12, 30), host.disk_full),
    FaultKind("io_storm", "the disk is saturated", (6, 20), host.io_storm),
    FaultKind("network_flood", "small packets flood the network", (5, 18), host.network_flood),
    FaultKind("process_explosion", "a program forks without end", (5, 18), host.process_explosion),
    FaultKind(
        "service_failure", "a systemd unit fails and stays failed", (8, 25), service.service_failure
    ),
    FaultKind("error_burst", "a known error comes by the dozen", (5, 15), service.error_burst),
    FaultKind(
        "new_error", "an error message that was never seen before", (5, 15), service.new_error
    ),
    FaultKind("log_silence", "a working service stops logging", (15, 35), service.log_silence),
    FaultKind(
        "broken_order",
        "a service begins what it does not end, or in the wrong order",
        (16, 30),
        order.broken_order,
    ),
    FaultKind(
        "clock_jump", "the wall clock jumps and is corrected later", (5, 18), service.clock_jump
    ),
)

FAULTS: Final[dict[str, FaultKind]] = {kind.name: kind for kind in _KINDS}


def fault_help() -> dict[str, str]:
    """Every kind of fault with one line of help."""
    return {name: kind.help for name, kind in FAULTS.items()}


def chosen(names: tuple[str, ...] | None) -> list[FaultKind]:
    """The kinds of these names, in the order of the table; all for None.

    Raises:
        UsageError: a name is not in the table.

    """
    if names is None:
        return list(FAULTS.values())
    for name in names:
        if name not in FAULTS:
            raise UsageError(
                f"There is no fault {name!r}; there are {', '.join(FAULTS)}.",
                hint="`boxwatch demo --help` lists them.",
            )
    return [kind for kind in FAULTS.values() if kind.name in names]
