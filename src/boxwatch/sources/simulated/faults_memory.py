"""Faults of a GPU's memory and of the links between GPUs: what the kernel says, what is counted."""

from __future__ import annotations

from boxwatch.sources.simulated import outage, training
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.faults_card import pick
from boxwatch.sources.simulated.world import World

_RESET_S = 20  # the card is reset so long before the fault is over


def xid(world: World, at: float, address: str, code: int, text: str) -> None:
    """A line of the NVIDIA driver about the card at `address`."""
    who = "pid='<unknown>', name=<unknown>"
    world.lines.add(at, "kernel", f"NVRM: Xid (PCI:{address[:-2]}): {code}, {who}, {text}", 4)


def ecc_uncorrected(world: World, window: Window) -> Effect:
    """Xid 48 and 63 or 64: a double-bit error; its row is set aside at the reset."""
    index, service, address = pick(world, window)
    start = window.start
    _count(world, window, index, errors=1 + int(window.severity * 4))
    xid(world, start + 0.3, address, 48, "DBE (double bit error) ECC error at bank 3, row 0x1a2c")
    if window.severity > 0.7:
        text = "Row remapper: failed to remap row 0x1a2c: no spare row is left"
        xid(world, start + 0.4, address, 64, text)
    else:
        xid(
            world, start + 0.4, address, 63, "Row remapper: New row marked for remapping, reset GPU"
        )
    world.cards[index].recovery[start : window.end - _RESET_S] = 1
    _stop(world, service, start, window.end, "CUDA error: uncorrectable ECC error encountered")
    return Effect(
        f"gpu:{index}",
        f"GPU {index} meets a memory error that it cannot correct, and must be reset.",
        _around(service),
    )


def ecc_contained(world: World, window: Window) -> Effect:
    """Xid 94 ends one program, Xid 95 all that run on the card."""
    index, service, address = pick(world, window)
    start = window.start
    _count(world, window, index, errors=1)
    if window.severity > 0.5:
        xid(world, start + 0.3, address, 95, "Uncontained: LTC TAG (0x2,0x0). RST: Yes, D-RST: No")
        _stop(world, service, start, window.end, "CUDA error: uncorrectable ECC error encountered")
    else:
        xid(world, start + 0.3, address, 94, "Contained: CE User Channel (0x9). RST: No, D-RST: No")
        until = min(start + 60, window.end)
        _stop(world, service, start, until, "CUDA error: uncorrectable ECC error encountered")
    return Effect(
        f"gpu:{index}", f"GPU {index} meets a memory error; what used it ends.", _around(service)
    )


def retirement_pending(world: World, window: Window) -> Effect:
    """A row waits for a reset to be set aside; no line in the kernel log, no program ends."""
    index, service, _ = pick(world, window)
    _count(world, window, index, errors=int(window.severity > 0.5))
    return Effect(
        f"gpu:{index}",
        f"A bad memory row of GPU {index} waits for a reset to be set aside.",
        _around(service),
    )


def nvlink_error(world: World, window: Window) -> Effect:
    """Xid 74: a link to another card fails; what talks over it hangs, then ends."""
    index, service, address = pick(world, window)
    start = window.start
    text = f"NVLink: fatal error detected on link {index % 4}(0x0, 0x0, 0x10000, 0x0, 0x0)"
    for at in (start + 0.3, *window.times(window.between(900.0, 45.0))[1:]):
        xid(world, at, address, 74, text)
    if service == outage.TRAINER:
        _spin(world, start, window.end)
        if window.severity > 0.3:
            say = world.lines.add
            text = "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8831, OpType="
            late = min(start + 600.0, window.end - 60.0)
            say(late, "trainer", f"[rank{index}]: {text}ALLREDUCE, Timeout(ms)=600000)")
    return Effect(
        f"gpu:{index}", f"An NVLink of GPU {index} fails.", (*_around(service), *_trainers(world))
    )


def _count(world: World, window: Window, index: int, errors: int) -> None:
    """The counters and flags of a bad row until the reset."""
    card, reset = world.cards[index], window.end - _RESET_S
    card.uncorrected[window.start] += errors
    card.pending[window.start : reset] = 1
    card.remapped[reset:] += 1
    card.resets.append(reset)


def _stop(world: World, service: str, start: int, end: int, error: str) -> None:
    """The service fails with `error` and is back at `end`."""
    outage.stop_work(world, service, start, end)
    outage.fail_requests(world, service, start + 1, end)
    if service == outage.TRAINER:
        training.crash(world, start + 0.8, error)
    elif service == "vllm":
        world.lines.add(start + 0.8, "vllm", f"ERROR {{ts}} [core.py:517] RuntimeError: {error}")
        outage.die(world, start + 2.0, "vllm", 1)
        outage.begin(world, max(end - 55.0, start + 4.0), "vllm")
        outage.ready(world, float(end), "vllm")
    else:
        world.lines.add(start + 0.8, "ollama", error, 3)
        lost = (
            'level=ERROR source=server.go:807 msg="llama runner terminated" error="exit status 2"'
        )
        world.lines.add(start + 0.9, "ollama", f"time={{ts}} {lost}", 3)


def _spin(world: World, start: int, end: int) -> None:
    """All ranks wait for one that does not answer: busy kernels that do nothing."""
    world.lines.mute("trainer", start, end)
    for card in training.cards_of(world):
        card.util[start:end] = 1.0
        card.watts[start:end] = 42.0


def _trainers(world: World) -> tuple[str, ...]:
    return tuple(
        f"gpu:{index}"
        for index in range(len(world.cards))
        if outage.service_on(index) == outage.TRAINER
    )


def _around(service: str) -> tuple[str, ...]:
    return (f"service:{service}", "service:open-webui", "service:docker", "service:kernel", "host")
