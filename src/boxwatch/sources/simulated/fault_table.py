"""The table of faults: everything that can be injected, and how long it lasts."""

from __future__ import annotations

from typing import Final

from boxwatch.errors import UsageError
from boxwatch.sources.simulated import faults_card as card
from boxwatch.sources.simulated import faults_host as host
from boxwatch.sources.simulated import faults_memory as memory
from boxwatch.sources.simulated import faults_mix
from boxwatch.sources.simulated import faults_order as order
from boxwatch.sources.simulated import faults_seldom as seldom
from boxwatch.sources.simulated import faults_server as server
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
        "missing_line",
        "a service goes on, but one kind of its lines does not come any more",
        (15, 35),
        seldom.missing_line,
    ),
    FaultKind(
        "mix",
        "a service writes its usual lines, but in other proportions",
        (15, 35),
        faults_mix.mix,
    ),
    FaultKind(
        "clock_jump", "the wall clock jumps and is corrected later", (5, 18), service.clock_jump
    ),
)

_ON_CARDS: Final = 7  # the first of them are faults of cards
# Faults of GPU servers that the demo's day does not hold.
_SERVER_KINDS: Final = (
    FaultKind(
        "ecc_uncorrected",
        "a memory error that cannot be corrected (Xid 48, 63, 64)",
        (8, 30),
        memory.ecc_uncorrected,
    ),
    FaultKind(
        "ecc_contained",
        "a memory error that ends what uses the card (Xid 94, 95)",
        (8, 30),
        memory.ecc_contained,
    ),
    FaultKind(
        "retirement_pending",
        "a bad memory row waits for a reset, and nothing is logged",
        (8, 30),
        memory.retirement_pending,
    ),
    FaultKind("nvlink_error", "an NVLink fails (Xid 74)", (12, 30), memory.nvlink_error),
    FaultKind("power_cap", "the power limit is lowered", (10, 30), server.power_cap, True),
    FaultKind(
        "clock_stuck", "the clock stays low for no reason told", (10, 30), server.clock_stuck, True
    ),
    FaultKind(
        "gray_card", "a card is a little slower than it was", (20, 45), server.gray_card, True
    ),
    FaultKind("gpu_missing", "a card is not listed any more", (8, 30), server.gpu_missing),
    FaultKind(
        "gpu_unknown_error",
        "all readings of a card are errors",
        (8, 30),
        server.gpu_unknown_error,
    ),
    FaultKind("smi_hang", "nvidia-smi does not return", (8, 30), server.smi_hang),
    FaultKind(
        "driver_mismatch",
        "an upgrade leaves driver and library of different versions",
        (8, 30),
        server.driver_mismatch,
    ),
)

FAULTS: Final[dict[str, FaultKind]] = {kind.name: kind for kind in _KINDS}
SERVER_FAULTS: Final[dict[str, FaultKind]] = {
    kind.name: kind for kind in (*_KINDS[:_ON_CARDS], *_SERVER_KINDS)
}


def fault_help() -> dict[str, str]:
    """Every kind of fault with one line of help."""
    return {name: kind.help for name, kind in FAULTS.items()}


def chosen(faults: tuple[str | FaultKind, ...] | None) -> list[FaultKind]:
    """The kinds of these names, in the order of the table, then those given; all for None.

    Raises:
        UsageError: a name is not in the table.

    """
    if faults is None:
        return list(FAULTS.values())
    names = [one for one in faults if isinstance(one, str)]
    for name in names:
        if name not in FAULTS:
            raise UsageError(
                f"There is no fault {name!r}; there are {', '.join(FAULTS)}.",
                hint="`boxwatch demo --help` lists them.",
            )
    given = [one for one in faults if not isinstance(one, str)]
    return [*(kind for kind in FAULTS.values() if kind.name in names), *given]
