"""Faults of what does not come any more: one kind of line stops, and its service goes on."""

from __future__ import annotations

from typing import Final

from boxwatch.sources.simulated.channels import CHANNELS
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.world import World

# Channel, what the lines contain, what has stopped: lines that come by the clock, work or not.
_PARTS: Final = (
    ("vllm", '"GET /metrics', "Nobody asks vllm for its metrics any more"),
    ("ollama", "| GET ", "Nobody asks ollama any more which models are loaded"),
)


def missing_line(world: World, window: Window) -> Effect:
    """One kind of line does not come; all others come as before."""
    channel, phrase, what = _PARTS[int(window.rng.integers(len(_PARTS)))]
    world.lines.drop(channel, window.start, window.end, phrase)
    return Effect(CHANNELS[channel].entity, f"{what}; it works on otherwise.")
