"""Faults of a GPU and of the work on it."""

from __future__ import annotations

import numpy as np

from boxwatch.sources.simulated import jobs, outage, training
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.gpu_rows import BUS_IDS, UUIDS
from boxwatch.sources.simulated.world import World


def pick(world: World, window: Window) -> tuple[int, str, str]:
    """A card, the service that computes on it, its PCI address as the kernel writes it."""
    index = int(window.rng.integers(len(world.cards)))
    return index, outage.service_on(index), BUS_IDS[index][4:].lower()


def ensure_work(world: World, window: Window, index: int) -> None:
    """A fault that shows under load alone meets a batch job if there is little else to do."""
    if outage.service_on(index) not in outage.SERVICES:
        training.resume(world, window.start, window.end)
    elif world.cards[index].util[window.cut].mean() < 0.4:
        start = window.start + window.seconds // 10
        jobs.embed(world, index, start, window.end - window.seconds // 10, window.rng)


def thermal_slowdown(world: World, window: Window) -> Effect:
    """The fan fails: heat builds up until the driver and then the hardware slow the card."""
    index, service, _ = pick(world, window)
    ensure_work(world, window, index)
    card = world.cards[index]
    left = window.between(0.05, 0.0)
    card.fan_cap[window.cut] = left
    return Effect(
        f"gpu:{index}",
        f"The fan of GPU {index} fails and stays at {left:.0%} at most; the card overheats under "
        "load and lowers its clocks.",
        (f"service:{service}",),
    )


def gpu_off_bus(world: World, window: Window) -> Effect:
    """Xid 79: the card stops answering, then is not listed; what ran on it fails."""
    index, service, address = pick(world, window)
    card = world.cards[index]
    start, back = window.start, window.end - 75
    answers_until = start + int(window.between(60, 15))
    card.gone[start:answers_until] = 1
    card.gone[answers_until:back] = 2
    card.resets.append(back)
    outage.stop_work(world, service, start, window.end)
    outage.fail_requests(world, service, start + 1, back)
    say = world.lines.add
    say(start + 0.2, "kernel", f"NVRM: GPU at PCI:{address[:-2]}: {UUIDS[index]}", 4)
    say(
        start + 0.21,
        "kernel",
        f"NVRM: Xid (PCI:{address[:-2]}): 79, pid='<unknown>', name=<unknown>, "
        "GPU has fallen off the bus.",
        4,
    )
    say(start + 0.22, "kernel", f"NVRM: GPU {address}: GPU has fallen off the bus.", 3)
    if window.severity > 0.5:
        say(
            start + 0.4,
            "kernel",
            f"NVRM: Xid (PCI:{address[:-2]}): 154, GPU recovery action changed from 0x0 (None) "
            "to 0x2 (Node Reboot Required)",
            4,
        )
    _service_without_card(world, service, start, back)
    say(float(back), "kernel", f"pci {address}: [10de:26b1] type 00 class 0x030000 PCIe Endpoint")
    say(back + 1.0, "kernel", f"nvidia {address}: enabling device (0000 -> 0003)")
    return Effect(
        f"gpu:{index}",
        f"GPU {index} falls off the bus (Xid 79) and is not readable until it is reset; "
        f"{service} fails meanwhile.",
        (
            f"service:{service}",
            "service:open-webui",
            "service:kernel",
            "service:boxwatch",
            "source:gpu",
            "service:docker",
            "host",
        ),
    )


def _service_without_card(world: World, service: str, start: int, back: int) -> None:
    say = world.lines.add
    if service not in outage.SERVICES:
        training.crash(world, start + 1.0, "CUDA error: unspecified launch failure")
        return
    if service == "vllm":
        say(start + 1.0, "vllm", "ERROR {ts} [core.py:517] EngineCore encountered a fatal error.")
        say(start + 1.1, "vllm", "ERROR {ts} [core.py:517] RuntimeError: CUDA error: unknown error")
        at, pause = start + 3.0, 2.0
        outage.die(world, at, "vllm", 1)
        while at + pause + 9 < back:
            at += pause
            outage.begin(world, at, "vllm")
            at += 8
            say(at, "vllm", "RuntimeError: No CUDA GPUs are available")
            outage.die(world, at + 0.5, "vllm", 1)
            pause = min(pause * 2, 60.0)
        outage.begin(world, back + 2.0, "vllm")
        outage.ready(world, back + 55.0, "vllm")
        return
    lost = 'level=ERROR source=server.go:807 msg="llama runner terminated" error="exit status 2"'
    say(start + 1.0, "ollama", "CUDA error: unspecified launch failure", 3)
    say(start + 1.1, "ollama", f"time={{ts}} {lost}", 3)
    for at in world.finished_between("ollama", start + 2, back).tolist():
        say(at, "ollama", '[GIN] {ts} | 500 |   31.4102ms |   172.18.0.5 | POST     "/api/chat"')
        say(
            at - 0.02,
            "ollama",
            "time={ts} level=WARN source=gpu.go:605 "
            'msg="unknown error initializing cuda driver library" error="cuda init failure: 999"',
        )


def ecc_storm(world: World, window: Window) -> Effect:
    """Corrected memory errors by the minute where a healthy card has one in days."""
    index, _, address = pick(world, window)
    rate = float(np.exp(window.between(np.log(0.2), np.log(25.0))))
    world.cards[index].ecc[window.cut] += window.rng.poisson(rate, window.seconds)
    also: tuple[str, ...] = ()
    if window.severity > 0.6:
        also = ("service:kernel", "host")
        for at in window.times(240.0):
            world.lines.add(
                at,
                "kernel",
                f"NVRM: Xid (PCI:{address[:-2]}): 92, pid='<unknown>', name=<unknown>, "
                "High single-bit ECC error rate",
                4,
            )
    return Effect(
        f"gpu:{index}", f"GPU {index} corrects about {rate * 60:.0f} memory errors a minute.", also
    )


def pcie_downtraining(world: World, window: Window) -> Effect:
    """The link renegotiates to a lower generation, fewer lanes, or both."""
    index, _, address = pick(world, window)
    ensure_work(world, window, index)
    card = world.cards[index]
    best = world.build.card.generation
    choices = ((best - 2, 16), (best, 4), (1, 16), (best - 1, 4), (1, 8), (1, 4))
    generation, lanes = choices[min(int(window.severity * len(choices)), len(choices) - 1)]
    card.gen_cap[window.cut] = generation
    card.width[window.cut] = lanes
    if window.rng.random() < 0.5:
        port = address.replace(":00.0", ":01.1")
        for at in window.times(400.0):
            world.lines.add(
                at, "kernel", f"pcieport {port}: AER: Correctable error message received", 4
            )
    return Effect(
        f"gpu:{index}",
        f"The PCIe link of GPU {index} runs at generation {generation} with {lanes} lanes under "
        f"load, where generation {best} with 16 is usual.",
        ("service:kernel", "host"),
    )


def power_brake(world: World, window: Window) -> Effect:
    """The external power brake is asserted: clocks fall although the card is cool."""
    index, service, _ = pick(world, window)
    ensure_work(world, window, index)
    share = window.between(0.62, 0.25)
    on = np.ones(window.seconds, dtype=bool)
    if window.severity < 0.5:  # a supply at its edge comes and goes
        on = (np.arange(window.seconds) // 45) % 3 != 2
    cap = world.cards[index].clock_cap
    cap[window.cut] = np.where(on, share, 1.0)
    return Effect(
        f"gpu:{index}",
        f"The power brake holds GPU {index} at {share:.0%} of its clock.",
        (f"service:{service}",),
    )


def stuck_inference(world: World, window: Window) -> Effect:
    """The engine spins: full utilisation, half the power, and no request ends."""
    index, service, _ = pick(world, window)
    card = world.cards[index]
    fixed = window.end - 30
    cut = slice(window.start, fixed)
    memory = float(max(card.memory[window.start], 9000.0 * world.build.card.share))
    outage.stop_work(world, service, window.start, window.end)
    card.util[cut] = 1.0
    card.watts[cut] = window.between(95.0, 45.0)
    card.memory[window.cut] = memory
    card.processes[window.cut] = 1
    world.host.cpu[cut] += 1.0
    give_up = window.between(300.0, 120.0)
    waiting = world.finished_between(service, window.start, max(fixed - give_up, window.start))
    for at in (waiting + give_up).tolist():
        world.lines.add(
            at,
            "open-webui",
            "{ts} | ERROR    | open_webui.routers.openai:generate_chat_completion:742 - "
            "TimeoutError: no answer from the model",
            3,
        )
    if service == "vllm":
        outage.die(world, fixed + 0.5, "vllm", 137)
        outage.begin(world, fixed + 2.0, "vllm")
        outage.ready(world, window.end - 1.0, "vllm")
    elif service == "ollama":
        _restart_unit(world, "ollama.service", "Ollama Service", float(fixed))
    else:
        _restart_unit(world, training.UNIT, training.NAME, float(fixed))
    return Effect(
        f"gpu:{index}",
        f"{service} hangs: GPU {index} shows 100 % utilisation, but no request ends and "
        f"{service} says nothing.",
        (f"service:{service}", "service:open-webui", "service:docker"),
    )


def _restart_unit(world: World, unit: str, what: str, at: float) -> None:
    say = world.lines.add
    say(at, "systemd", f"Stopping {unit} - {what}...", about=unit)
    say(at + 2.0, "systemd", f"Stopped {unit} - {what}.", about=unit)
    say(at + 2.1, "systemd", f"Started {unit} - {what}.", about=unit)


def vram_leak(world: World, window: Window) -> Effect:
    """Device memory grows and is never given back, until the process is started anew."""
    index, service, _ = pick(world, window)
    card = world.cards[index]
    room = world.build.card.memory_mib - 620
    most = room - card.memory[window.cut].max()
    grown = most * window.between(0.75, 1.3)
    leak = np.minimum(grown * window.ramp(), np.maximum(room - card.memory[window.cut], 0))
    card.memory[window.cut] += leak
    card.processes[window.cut] = np.maximum(card.processes[window.cut], 1)
    full = card.memory[window.cut] >= room - 8
    if full.any():
        first = window.start + int(np.argmax(full))
        for at in world.finished_between(service, first, window.end).tolist():
            text = "CUDA error: out of memory"
            if service == "vllm":
                text = "ERROR {ts} [core.py:517] torch.OutOfMemoryError: CUDA out of memory."
            world.lines.add(at, service, text, 3)
    return Effect(
        f"gpu:{index}",
        f"A process on GPU {index} leaks {grown / window.seconds * 60:.0f} MiB of device memory a "
        "minute.",
        (f"service:{service}",),
    )
