"""A training job on all cards that serve nobody: steps, evaluations, checkpoints, pauses."""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.sources.simulated import outage
from boxwatch.sources.simulated.jobs import unit
from boxwatch.sources.simulated.world import Card, World

UNIT: Final = "trainer.service"
NAME: Final = "Training job"
_STEP_LINE_S: Final = 10.0
_CHECKPOINT_S: Final = 1800  # a checkpoint so often,
_EVALUATION_S: Final = 5400  # an evaluation, which asks less of the cards, so often


def train(world: World) -> None:
    """Runs of some hours with pauses between them, the same on every card that trains."""
    cards = cards_of(world)
    if not cards:
        return
    rng = world.random("trainer")
    at = int(rng.uniform(20, 900))
    while at < world.span.seconds:
        end = min(at + int(rng.uniform(1.5, 7.0) * 3600), world.span.seconds)
        _run(world, cards, at, end, rng)
        at = end + int(rng.uniform(240, 2400))


def cards_of(world: World) -> list[Card]:
    """The cards that train."""
    return [c for i, c in enumerate(world.cards) if outage.service_on(i) == outage.TRAINER]


def _run(world: World, cards: list[Card], start: int, end: int, rng: np.random.Generator) -> None:
    """One run: loading, then steps until the end."""
    unit(world, start - 0.5, UNIT, NAME, starting=True)
    first = min(start + int(rng.uniform(40, 110)), end)
    watts = rng.uniform(185.0, 245.0)
    memory = rng.uniform(0.55, 0.85) * world.build.card.memory_mib
    seconds = np.arange(first, end)
    swing = 6.0 * np.sin(seconds / rng.uniform(9.0, 17.0))
    saves = _pauses(first, end, _CHECKPOINT_S, 35, rng)
    tests = _pauses(first, end, _EVALUATION_S, 240, rng)
    asleep, easy = _covered(seconds, saves), _covered(seconds, tests)
    for card in cards:
        card.memory[start:end] = memory + rng.normal(0, 60)
        card.processes[start:end] = 1
        own = rng.normal(0, 2.5)
        card.util[first:end] = np.where(asleep, 0.0, np.where(easy, 0.86, 0.985))
        card.watts[first:end] = np.where(asleep, 0.0, (watts + own + swing) * (1 - 0.3 * easy))
    world.host.cpu[start:end] += 1.4 * len(cards)
    world.host.memory[start:end] += 3e9 * len(cards)
    world.host.read[start:first] += 4e8
    world.host.read[first:end] += 2.2e7
    for begin, until in saves:
        world.host.written[begin:until] += 9e8
        world.lines.add(until - 0.4, "trainer", f"saved checkpoint step-{(until - first) * 3}")
    for begin, _ in tests:
        world.lines.add(begin + 0.2, "trainer", "running evaluation on 2048 examples")
    for second in np.arange(first + 3.0, end, _STEP_LINE_S).tolist():
        step = int((second - first) * 3)
        loss = 1.6 + 3.0 / (1.0 + step / 4000) + 0.05 * rng.random()
        said = f"step {step} | loss {loss:.3f} | grad norm {rng.uniform(0.2, 0.9):.2f}"
        world.lines.add(second, "trainer", said)
    if end < world.span.seconds:
        unit(world, end + 0.3, UNIT, NAME, starting=False)


def _pauses(
    first: int, end: int, period: int, seconds: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    starts = range(first + period, end - seconds, period)
    return [(at, at + int(seconds * rng.uniform(0.7, 1.3))) for at in starts]


def _covered(seconds: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
    inside = np.zeros(len(seconds), dtype=bool)
    for start, end in spans:
        inside |= (seconds >= start) & (seconds < end)
    return inside


def resume(world: World, start: int, end: int) -> None:
    """A fault that shows under load alone meets the job at work, not in one of its long pauses."""
    cards = cards_of(world)
    if cards[0].util[start:end].mean() >= 0.4:
        return
    world.lines.mute("trainer", start - 5, end + 5)
    _run(world, cards, start + 5, end - 5, world.random(f"trainer:{start}"))


def crash(world: World, at: float, error: str) -> None:
    """What the job says when a card fails under it, and what systemd says then."""
    say = world.lines.add
    say(at, "trainer", f"[rank0]: RuntimeError: {error}")
    say(at + 0.3, "trainer", "Fatal error: the training process group is shut down")
    say(
        at + 1.1,
        "systemd",
        f"{UNIT}: Main process exited, code=exited, status=1/FAILURE",
        5,
        about=UNIT,
    )
    say(at + 1.2, "systemd", f"{UNIT}: Failed with result 'exit-code'.", 4, about=UNIT)
