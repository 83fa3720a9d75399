"""The ollama unit on GPU 0: models come and go with their keep-alive; lines per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.sources.simulated.traffic import OLLAMA, Requests, requests
from boxwatch.sources.simulated.world import Card, Series, World, spread

KEEP_ALIVE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Model:
    """A model that ollama serves: its size in device memory and the power of one stream."""

    name: str
    mib: float
    watts: float
    digest: str
    path: str


MODELS: Final = (
    Model("llama3.1:8b", 6740.0, 148.0, "667b0c1932bc", "/api/chat"),
    Model("qwen2.5:32b", 21880.0, 171.0, "eabc98a9bcbf", "/api/chat"),
    Model("nomic-embed-text", 820.0, 64.0, "970aa74c0a90", "/api/embed"),
)


def serve(world: World) -> Requests:
    """Put a span of ollama's work on GPU 0 and into the journal."""
    rng = world.random("ollama")
    asked = requests(world.span, OLLAMA.times(world.build.demand), rng)
    card = world.cards[0]
    for index, model in enumerate(MODELS):
        chosen = asked.model == index
        _compute(world, card, asked, chosen, model.watts)
        _keep_loaded(world, card, asked, chosen, model)
    _request_lines(world, asked, rng)
    _background_lines(world, rng)
    world.finished["ollama"] = asked.end
    return asked


def _compute(
    world: World, card: Card, asked: Requests, chosen: np.typing.NDArray[np.bool_], watts: float
) -> None:
    start, end = asked.start[chosen], asked.end[chosen]
    streams = spread(world.span, start, end, np.ones(len(start)))
    card.util += 0.96 * (1 - np.exp(-2.8 * streams))
    card.watts += watts * (1 - np.exp(-1.6 * streams))
    prefill = spread(world.span, start, start + asked.prompt[chosen] / 6000, np.ones(len(start)))
    card.watts += 45 * np.minimum(prefill, 1.5)
    world.host.cpu += 1.1 * streams
    world.host.received += 900 * streams
    world.host.sent += 2500 * streams
    card.memory += 260 * world.build.card.share * np.minimum(streams, 4)


def _loaded(start: Series, end: Series) -> tuple[Series, Series]:
    """From when to when a model stays in memory: its requests, each kept alive for a while."""
    if not len(start):
        return start, start
    order = np.argsort(start)
    start, until = start[order], np.maximum.accumulate(end[order]) + KEEP_ALIVE_S
    fresh = np.concatenate([[True], start[1:] > until[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(start) - 1]])
    return start[fresh], until[last]


def _keep_loaded(
    world: World,
    card: Card,
    asked: Requests,
    chosen: np.typing.NDArray[np.bool_],
    model: Model,
) -> None:
    loads, unloads = _loaded(asked.start[chosen], asked.end[chosen])
    seconds = 0.6 + model.mib / 2400  # from disk, PCIe generation 4
    card.memory += (
        model.mib * world.build.card.share * spread(world.span, loads, unloads, np.ones(len(loads)))
    )
    card.processes += spread(world.span, loads - seconds, unloads, np.ones(len(loads)))
    reading = spread(world.span, loads - seconds, loads, np.ones(len(loads)))
    world.host.read += reading * model.mib * 2.0**20 / seconds
    world.host.cpu += 0.8 * reading
    world.host.memory += 0.9e9 * spread(world.span, loads - seconds, unloads, np.ones(len(loads)))
    for load in loads.tolist():
        load_lines(world, load - seconds, seconds, model)


def load_lines(world: World, at: float, seconds: float, model: Model) -> None:
    """What ollama says when it loads `model` at `at`, which takes so long."""
    say = world.lines.add
    gib = model.mib / 1024
    prefix = "time={ts} level=INFO source="
    say(
        at,
        "ollama",
        f'{prefix}sched.go:754 msg="new model will fit in available VRAM in single GPU, loading" '
        f"model=/usr/share/ollama/.ollama/models/blobs/sha256-{model.digest} gpu=GPU-0 parallel=4 "
        f'required="{gib:.1f} GiB"',
    )
    say(at + 0.1, "ollama", f'{prefix}server.go:431 msg="starting llama server"')
    say(at + 0.2, "ollama", "llama_model_loader: loaded meta data with 29 key-value pairs")
    say(
        at + seconds,
        "ollama",
        f'{prefix}server.go:630 msg="llama runner started in {abs(seconds):.2f} seconds"',
    )


def gin(status: int, seconds: float, client: str, method: str, path: str) -> str:
    """One access line of ollama's web framework."""
    took = f"{seconds:.6f}s" if seconds >= 1 else f"{seconds * 1000:.4f}ms"
    return f'[GIN] {{ts}} | {status} | {took:>13} | {client:>15} | {method:<8} "{path}"'


def _request_lines(world: World, asked: Requests, rng: np.random.Generator) -> None:
    draws = rng.random(len(asked.end))
    columns = (asked.start, asked.end, asked.model, asked.client, draws)
    for start, end, model, client, draw in zip(*(c.tolist() for c in columns), strict=True):
        address = f"172.18.0.{client}"
        path = MODELS[model].path
        if draw < 0.006:  # people close the tab
            world.lines.add(
                end,
                "ollama",
                "time={ts} level=INFO source=runner.go:692 "
                'msg="aborting completion request due to client closing the connection"',
            )
        status = 500 if draw < 0.001 else 200
        world.lines.add(end, "ollama", gin(status, end - start, address, "POST", path))
        if draw > 0.93:
            world.lines.add(
                start,
                "ollama",
                "time={ts} level=WARN source=runner.go:131 "
                f'msg="truncating input prompt" limit=4096 prompt={4100 + int(draw * 9999)} keep=5',
            )


def _background_lines(world: World, rng: np.random.Generator) -> None:
    for at in world.span.every(30.0, 7.0).tolist():
        took = 2e-5 + 3e-5 * rng.random()
        world.lines.add(at, "ollama", gin(200, took, "127.0.0.1", "GET", "/api/version"))
    for at in world.span.every(15.0, 3.0).tolist():
        took = 2e-5 + 5e-5 * rng.random()
        world.lines.add(at, "ollama", gin(200, took, "172.18.0.9", "GET", "/api/ps"))
