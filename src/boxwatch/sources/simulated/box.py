"""The simulated box: an ordinary day, the faults, the physics, the recording."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from boxwatch.errors import UsageError
from boxwatch.sources.simulated import housekeeping, jobs, ollama, vllm
from boxwatch.sources.simulated.fault_table import chosen
from boxwatch.sources.simulated.schedule import Planned, plan, quiet_seconds
from boxwatch.sources.simulated.truth import InjectedFault, Truth
from boxwatch.sources.simulated.world import Span, World, new_world
from boxwatch.sources.simulated.writing import Progress, write


def simulate(  # noqa: PLR0913 - the six things that make a recording, and who hears of it
    root: Path,
    *,
    seed: int,
    start: datetime,
    hours: float = 24,
    host: str = "simbox",
    faults: tuple[str, ...] | None = None,
    progress: Progress | None = None,
) -> Truth:
    """Write a recording of a two-GPU AI server below `root` and say what was broken in it.

    Files are `root`/ingested/<folder>/<prefix>_<hour>.jsonl as a real collection writes them, and
    `root`/truth.json. The bytes depend on `seed`, `start`, `hours`, `host` and `faults` alone.
    `faults` names the kinds to inject (None: all that fit, each once a day). `progress` hears the
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
    world = ordinary_day(span, seed, host)
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


def ordinary_day(span: Span, seed: int, host: str) -> World:
    """The box over `span` with nothing broken."""
    world = new_world(span, seed, host, gpus=2)
    asked = {"ollama": ollama.serve(world), "vllm": vllm.serve(world)}
    vllm.chat_pages(world, asked)
    housekeeping.keep_house(world)
    jobs.run_jobs(world)
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
    )
