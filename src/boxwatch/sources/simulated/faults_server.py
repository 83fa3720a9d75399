"""Faults of GPU servers beyond one card's heat and memory: driver, tool, limits, slow cards."""

from __future__ import annotations

import numpy as np

from boxwatch.sources.simulated import outage
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.faults_card import ensure_work, pick
from boxwatch.sources.simulated.faults_memory import xid
from boxwatch.sources.simulated.world import World


def power_cap(world: World, window: Window) -> Effect:
    """The power limit is lowered, by a hand or by the chassis: clocks fall under load."""
    index, service, _ = pick(world, window)
    ensure_work(world, window, index)
    share = window.between(0.6, 0.35)
    world.cards[index].limit[window.cut] = share
    return Effect(
        f"gpu:{index}",
        f"The power limit of GPU {index} falls to {share:.0%}.",
        (f"service:{service}",),
    )


def clock_stuck(world: World, window: Window) -> Effect:
    """The clock stays low under load, and no reason is told."""
    index, service, _ = pick(world, window)
    ensure_work(world, window, index)
    share = window.between(0.6, 0.15)
    card = world.cards[index]
    card.pinned[window.cut] = share
    card.util[window.cut] = np.minimum(card.util[window.cut] / share, 1.0)  # the same takes longer
    return Effect(
        f"gpu:{index}",
        f"The clock of GPU {index} is stuck at {share:.0%}.",
        (f"service:{service}",),
    )


def gray_card(world: World, window: Window) -> Effect:
    """A card that is slower than it was: a little less clock and power, and nothing is told."""
    index, service, _ = pick(world, window)
    ensure_work(world, window, index)
    share = window.between(0.92, 0.75)
    card = world.cards[index]
    card.pinned[window.cut] = share
    card.util[window.cut] = np.minimum(card.util[window.cut] / share, 1.0)
    return Effect(
        f"gpu:{index}",
        f"GPU {index} works at {share:.0%} of its clock for no reason that it tells.",
        (f"service:{service}",),
    )


def gpu_missing(world: World, window: Window) -> Effect:
    """A card is not listed any more; the tool works, and the driver says nothing or little."""
    index, service, address = pick(world, window)
    card = world.cards[index]
    card.gone[window.cut] = 3
    card.resets.append(window.end)
    outage.stop_work(world, service, window.start, window.end)
    outage.fail_requests(world, service, window.start + 1, window.end)
    if window.severity > 0.5:
        say = world.lines.add
        say(
            window.start + 0.4,
            "kernel",
            f"NVRM: GPU {address}: RmInitAdapter failed! (0x24:0x72:1568)",
            3,
        )
    return Effect(
        f"gpu:{index}", f"GPU {index} is missing from the list of cards.", _machine(service)
    )


def gpu_unknown_error(world: World, window: Window) -> Effect:
    """Every reading of a card turns into `[Unknown Error]`; mostly the driver names an Xid."""
    index, service, address = pick(world, window)
    card = world.cards[index]
    card.gone[window.cut] = 1
    card.resets.append(window.end)
    outage.stop_work(world, service, window.start, window.end)
    outage.fail_requests(world, service, window.start + 1, window.end)
    if window.severity > 0.3:
        text = f"Timeout after 6s of waiting for RPC response from GPU{index} GSP!"
        xid(world, window.start + 6.2, address, 119, f"{text} Expected function 76")
    return Effect(f"gpu:{index}", f"GPU {index} answers with errors only.", _machine(service))


def smi_hang(world: World, window: Window) -> Effect:
    """nvidia-smi does not return, as the driver holds it; nothing is known of any card."""
    reason = "nvidia-smi gave no row for 5 s."
    hint = "The driver does not answer. See `dmesg | grep -i xid`; a reboot may be needed."
    world.silent.append((window.start, window.end, "hung", reason, hint))
    world.host.blocked[window.start + 1 : window.end] += 1
    if window.severity > 0.4:
        text = "INFO: task nvidia-smi:2024380 blocked for more than 120 seconds."
        for at in (window.start + 123.0, window.start + 246.0):
            if at < window.end:
                world.lines.add(at, "kernel", text, 3)
    return Effect("source:nvidia", "nvidia-smi hangs.", (*_cards(world), "host", "service:kernel"))


def driver_mismatch(world: World, window: Window) -> Effect:
    """An upgrade replaced the driver's library under the loaded module: no tool can ask."""
    old = world.build.card.driver
    new = f"{int(old.split('.')[0]) + 5}.42.01"
    reason = "nvidia-smi: Failed to initialize NVML: Driver/library version mismatch"
    hint = "The driver was upgraded; load its new module or restart the machine."
    start = window.start
    world.silent.append((start, window.end, "failing", reason, hint))
    say = world.lines.add
    if window.severity > 0.3:
        say(start - 20.0, "apt", f"Unpacking libnvidia-compute ({new}-1) over ({old}-1) ...")
    if window.severity > 0.6:
        text = f"NVRM: API mismatch: the client has the version {new}, but this kernel module has"
        say(start + 0.5, "kernel", f"{text} the version {old}.", 3)
    return Effect(
        "source:nvidia",
        "The NVIDIA driver and its library are of different versions.",
        (*_cards(world), "host", "service:kernel", "service:boxwatch", "service:apt-daily-upgrade"),
    )


def _cards(world: World) -> tuple[str, ...]:
    return tuple(f"gpu:{index}" for index in range(len(world.cards)))


def _machine(service: str) -> tuple[str, ...]:
    return (
        f"service:{service}",
        "service:open-webui",
        "service:docker",
        "service:kernel",
        "service:boxwatch",
        "source:gpu",
        "host",
    )
