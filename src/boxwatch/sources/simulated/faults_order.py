"""Faults of order: a service begins what it does not end, or says the end before the beginning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from boxwatch.sources.simulated.channels import CHANNELS
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.ollama import MODELS, load_lines
from boxwatch.sources.simulated.world import World

_LOADED: Final = "llama runner started"
_SAVED: Final = "Background saving terminated"
_CLOSED: Final = "Connection closed by invalid user"
_OFTEN: Final = 25


def broken_order(world: World, window: Window) -> Effect:
    """Lines that always come together, and now do not: of something that was done often before."""
    often = [
        kind
        for kind, channel, phrase in _KINDS
        if world.lines.said(channel, phrase, window.start) >= _OFTEN
    ]
    choice = often if often else [kind for kind, _, _ in _KINDS]
    return choice[int(window.rng.integers(len(choice)))](world, window)


def _never_loaded(world: World, window: Window) -> Effect:
    """Loads of a model begin, and none ends; each is tried again."""
    world.lines.drop("ollama", window.start, window.end, _LOADED)
    model = MODELS[int(window.rng.integers(len(MODELS)))]
    count = int(window.between(5, 20))
    for at in window.times(window.seconds / count):
        load_lines(world, at, 5.0, model)
    world.lines.drop("ollama", window.start, window.end + 6, _LOADED)
    return Effect(
        CHANNELS["ollama"].entity,
        f"ollama begins to load {model.name} {count} times and never has it loaded.",
    )


def _loaded_first(world: World, window: Window) -> Effect:
    """The line that ends a load comes before the lines that begin it."""
    world.lines.drop("ollama", window.start, window.end, _LOADED)
    model = MODELS[int(window.rng.integers(len(MODELS)))]
    count = int(window.between(5, 20))
    for at in window.times(window.seconds / count):
        load_lines(world, at, -1.0, model)
    return Effect(
        CHANNELS["ollama"].entity,
        f"ollama says {count} times that a model is loaded before it says that it loads one.",
    )


def _never_saved(world: World, window: Window) -> Effect:
    """Redis begins to save and does not say that it did."""
    world.lines.drop("redis", window.start, window.end, _SAVED)
    return Effect(CHANNELS["redis"].entity, "redis begins to save its data and never has it saved.")


def _never_closed(world: World, window: Window) -> Effect:
    """Connections of strangers are opened and not closed."""
    world.lines.drop("sshd", window.start, window.end, _CLOSED)
    for number, at in enumerate(window.times(window.between(240, 120))):  # nobody guesses fast
        port = 30_000 + 17 * number
        world.lines.add(at, "sshd", f"Invalid user backup from 203.0.113.9 port {port}")
    return Effect(CHANNELS["sshd"].entity, "sshd does not close the connections of strangers.")


_KINDS: Final[tuple[tuple[Callable[[World, Window], Effect], str, str], ...]] = (
    (_never_loaded, "ollama", _LOADED),
    (_loaded_first, "ollama", _LOADED),
    (_never_saved, "redis", _SAVED),
    (_never_closed, "sshd", _CLOSED),
)
