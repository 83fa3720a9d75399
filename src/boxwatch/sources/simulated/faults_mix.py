"""Faults of proportion: the usual lines come, none is new and none comes more often than ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from boxwatch.sources.simulated.channels import CHANNELS
from boxwatch.sources.simulated.fault import Effect, Window
from boxwatch.sources.simulated.lookups import HIT, MISS
from boxwatch.sources.simulated.world import World

_OK: Final = "| 200 |"
_REFUSED: Final = "| 503 |"
_ASKED: Final = '"/api/ps"'


def mix(world: World, window: Window) -> Effect:
    """Lines of one kind become lines of another one, as many as ever together."""
    return _KINDS[int(window.rng.integers(len(_KINDS)))](world, window)


def _cold_cache(world: World, window: Window) -> Effect:
    """Most of what is looked up is not in the cache any more."""
    share = window.between(0.6, 0.95)

    def missed(text: str) -> str:
        if HIT not in text or window.rng.random() >= share:
            return text
        return text.replace(HIT, MISS)

    world.lines.turn("open-webui", window.start, window.end, missed)
    return Effect(
        CHANNELS["open-webui"].entity,
        f"The embedding cache of open-webui has lost {100 * share:.0f} % of what it held.",
    )


def _refused(world: World, window: Window) -> Effect:
    """Requests by the clock are refused, which only a number in the access log tells."""
    share = window.between(0.7, 1.0)

    def refused(text: str) -> str:
        if _ASKED not in text or window.rng.random() >= share:
            return text
        return text.replace(_OK, _REFUSED)

    world.lines.turn("ollama", window.start, window.end, refused)
    return Effect(
        CHANNELS["ollama"].entity,
        f"ollama refuses to say which models are loaded, {100 * share:.0f} % of the time.",
    )


_KINDS: Final[tuple[Callable[[World, Window], Effect], ...]] = (_cold_cache, _refused)
