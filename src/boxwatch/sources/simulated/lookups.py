"""What the chat pages look up: embeddings of documents, which are mostly in the cache already."""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.sources.simulated.world import World

PER_HOUR: Final = 180.0  # an indexer reads through the documents, day and night
HIT: Final = "embedding cache hit"
MISS: Final = "embedding cache miss"
_MISSES: Final = 0.08  # share of them, on an ordinary day


def look_up(world: World) -> None:
    """Put the look-ups of a span into the output of the chat pages."""
    rng = world.random("lookups")
    count = rng.poisson(PER_HOUR * world.span.seconds / 3600)
    times = np.sort(rng.uniform(0, world.span.seconds, count))
    draws = rng.random(count)
    for at, draw in zip(times.tolist(), draws.tolist(), strict=True):
        say_looked_up(world, at, int(draw * 1e6) % 90_000, hit=draw >= _MISSES)


def say_looked_up(world: World, at: float, chunk: int, *, hit: bool) -> None:
    """What the pages say when the embedding of a `chunk` of a document was looked up."""
    world.lines.add(
        at,
        "open-webui",
        "{ts} | INFO     | open_webui.retrieval.vector.cache:lookup:88 - "
        f"{HIT if hit else MISS} for chunk {chunk}",
    )
