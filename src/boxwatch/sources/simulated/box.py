"""The simulated box: an ordinary day, the faults, the physics, the recording."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from boxwatch.errors import UsageError
from boxwatch.sources.simulated import housekeeping, jobs, lookups, ollama, training, vllm
from boxwatch.sources.simulated.card_model import WORKSTATION, Build
from boxwatch.sources.simulated.fault import Effect, FaultKind
from boxwatch.sources.simulated.fault_table import chosen
from boxwatch.sources.simulated.schedule import Planned, plan, quiet_seconds
from boxwatch.sources.simulated.truth import InjectedFault, Truth
from boxwatch.sources.simulated.world import Span, World, new_world
from boxwatch.sources.simulated.writing import Progress, write

_AT_WORK: Final = 0.5  # utilisation from which a card shows how it works


def simulate(  # noqa: PLR0913 - the seven things that make a recording, and who hears of it
    root: Path,
    *,
    seed: int,
    start: datetime,
    hours: float = 24,
    host: str = "simbox",
    faults: tuple[str | FaultKind, ...] | None = None,
    build: Build = WORKSTATION,
    progress: Progress | None = None,
) -> Truth:
    """Write a recording of an AI server below `root` and say what was broken in it.

    Files are `root`/ingested/<folder>/<prefix>_<hour>.jsonl as a real collection writes them, and
    `root`/truth.json. The bytes depend on `seed`, `start`, `hours`, `host`, `faults` and
    `build` alone. `faults` are the kinds to inject, by name or as they are, which may also come
    more than once (None: all of the demo that fit, each once a day). `progress` hears the
    share that is written, 0-1, after every simulated hour.

    Raises:
        UsageError: `start` has no time zone, `hours` is not positive, or a fault is unknown.

    """
    kinds = chosen(faults)
    if start.tzinfo is None:
        raise UsageError(f"The start {start!r} has no time zone; give one, such as UTC.")
    if not 0.1 <= hours <= 24 * 366:
        raise UsageError(f"hours is {hours!r}, must be from 0.1 to 8784.")
    span = Span(start.astimezone(UTC).replace(microsecond=0), round(hours * 3600))
    world = ordinary_day(span, seed, host, build)
    planned = plan(span, seed, kinds)
    truth = Truth(
        seed=seed,
        host=host,
        start=span.start,
        end=span.at(span.seconds),
        quiet_until=span.at(quiet_seconds(span)),
        faults=tuple(inject(world, fault) for fault in planned),
    )
    write(world, root, progress)
    truth.save(root)
    return truth


def ordinary_day(span: Span, seed: int, host: str, build: Build = WORKSTATION) -> World:
    """The box over `span` with nothing broken."""
    world = new_world(span, seed, host, build)
    asked = {"ollama": ollama.serve(world), "vllm": vllm.serve(world)}
    vllm.chat_pages(world, asked)
    lookups.look_up(world)
    housekeeping.keep_house(world)
    jobs.run_jobs(world)
    training.train(world)
    return world


def inject(world: World, planned: Planned) -> InjectedFault:
    """Let one fault act on `world`."""
    effect = planned.kind.apply(world, planned.window)
    return InjectedFault(
        name=planned.kind.name,
        host=world.name,
        entity=effect.entity,
        start=world.span.at(planned.window.start + effect.shown_from),
        end=world.span.at(planned.window.end + effect.shown_until),
        description=effect.description,
        also=effect.also,
        shows=world.span.at(_first_sign(world, planned, effect)),
    )


def _first_sign(world: World, planned: Planned, effect: Effect) -> float:
    """When it can first be seen: what shows under load alone, once its card is at work."""
    window = planned.window
    if not planned.kind.needs_load or not effect.entity.startswith("gpu:"):
        return window.start + effect.shown_from
    at_work = world.cards[int(effect.entity[4:])].util[window.cut] >= _AT_WORK
    return float(window.start + (int(np.argmax(at_work)) if at_work.any() else 0))
