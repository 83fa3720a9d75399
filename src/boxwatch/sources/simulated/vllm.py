"""The vllm container on GPU 1 (one model, always loaded) and the chat pages that call it."""

from __future__ import annotations

import numpy as np

from boxwatch.sources.simulated.traffic import VLLM, Requests, requests
from boxwatch.sources.simulated.world import World, spread


def serve(world: World) -> Requests:
    """Put a span of vllm's work on GPU 1 and into the container's output."""
    rng = world.random("vllm")
    asked = requests(world.span, VLLM.times(world.build.demand), rng)
    card = world.cards[1]
    streams = spread(world.span, asked.start, asked.end, np.ones(len(asked.end)))
    card.util += 0.98 * (1 - np.exp(-3.2 * streams))
    card.watts += 225 * (1 - np.exp(-0.75 * streams))
    prefill = spread(
        world.span, asked.start, asked.start + asked.prompt / 5000, np.ones(len(asked.end))
    )
    card.watts += 55 * np.minimum(prefill, 1.5)
    card.memory += world.build.card.engine_mib
    card.processes += 1
    world.host.cpu += 0.35 + 1.3 * np.minimum(streams, 3)
    world.host.memory += 11.5e9
    world.host.received += 1200 * streams
    world.host.sent += 3500 * streams
    _request_lines(world, asked, rng)
    _throughput_lines(world, asked)
    for at in world.span.every(15.0, 11.0).tolist():
        world.lines.add(
            at,
            "vllm",
            f'INFO:     172.18.0.8:{rng.integers(32768, 60999)} - "GET /metrics HTTP/1.1" 200 OK',
        )
    world.finished["vllm"] = asked.end
    return asked


def _request_lines(world: World, asked: Requests, rng: np.random.Generator) -> None:
    ports = rng.integers(32768, 60999, len(asked.end)).tolist()
    draws = rng.random(len(asked.end)).tolist()
    for end, port, draw in zip(asked.end.tolist(), ports, draws, strict=True):
        status = "400 Bad Request" if draw < 0.004 else "200 OK"
        if draw < 0.004:
            world.lines.add(
                end,
                "vllm",
                "ERROR {ts} [serving_chat.py:200] Error in preprocessing prompt inputs: "
                "ValueError: This model's maximum context length is 32768 tokens",
            )
        elif draw < 0.010:
            world.lines.add(
                end,
                "vllm",
                f"INFO {{ts}} [async_llm.py:411] Aborted request chatcmpl-{port:08x}.",
            )
        world.lines.add(
            end,
            "vllm",
            f'INFO:     172.18.0.5:{port} - "POST /v1/chat/completions HTTP/1.1" {status}',
        )


def throughput(prompt: float, output: float, running: int, cache: float) -> str:
    """The line that the engine prints every ten seconds while it works."""
    return (
        f"INFO {{ts}} [loggers.py:118] Engine 000: Avg prompt throughput: {prompt:.1f} tokens/s, "
        f"Avg generation throughput: {output:.1f} tokens/s, Running: {running} reqs, "
        f"Waiting: 0 reqs, GPU KV cache usage: {cache:.1f}%, Prefix cache hit rate: 34.2%"
    )


def _throughput_lines(world: World, asked: Requests) -> None:
    length = np.maximum(asked.end - asked.start, 0.1)
    output = spread(world.span, asked.start, asked.end, asked.output / length)
    prompt = spread(world.span, asked.start, asked.start + 1.0, asked.prompt)
    running = spread(world.span, asked.start, asked.end, np.ones(len(length)))
    times = world.span.every(10.0, 2.5)
    times = times[times > 10]
    for at in times.tolist():
        window = slice(int(at) - 10, int(at))
        before = slice(max(0, int(at) - 20), int(at) - 10)
        if running[window].sum() + running[before].sum() < 0.5:
            continue  # the engine is silent when it has nothing to do
        now = round(float(running[int(at) - 1]))
        world.lines.add(
            at,
            "vllm",
            throughput(float(prompt[window].mean()), float(output[window].mean()), now, 0.4 * now),
        )


def chat_pages(world: World, asked: dict[str, Requests]) -> None:
    """The open-webui container: the pages behind whose requests the models work."""
    rng = world.random("open-webui")
    say = world.lines.add
    for service, batch in asked.items():
        people = batch.client != 5
        for end, client, draw in zip(
            batch.end[people].tolist(),
            batch.client[people].tolist(),
            rng.random(int(people.sum())).tolist(),
            strict=True,
        ):
            address = f"10.20.0.{client}"
            completed = access(address, "POST /api/chat/completed", 200)
            answered = access(address, "POST /api/chat/completions", 200)
            say(end - 0.02, "open-webui", answered, about=service)
            say(end + 0.05, "open-webui", completed, about=service)
            if draw < 0.45:
                say(end + 0.3, "open-webui", access(address, "GET /api/v1/chats/?page=1", 200))
            if draw < 0.03:
                say(end + 0.9, "open-webui", access(address, "GET /api/v1/tools/", 401), 6)
            if draw > 0.995:
                say(
                    end + 0.1,
                    "open-webui",
                    "{ts} | ERROR    | open_webui.utils.chat:generate_chat_completion:312 - "
                    "Client disconnected: context canceled",
                )
    for at in world.span.every(30.0, 19.0).tolist():
        say(at, "open-webui", access("127.0.0.1", "GET /health", 200))
    world.host.cpu += 0.12
    world.host.memory += 1.4e9


def access(address: str, request: str, status: int) -> str:
    """One access line of open-webui."""
    return (
        "{ts} | INFO     | uvicorn.protocols.http.httptools_impl:send:476 - "
        f'{address}:0 - "{request} HTTP/1.1" {status}'
    )
