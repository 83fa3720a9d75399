"""What happens around any outage: containers that die and start, requests that fail."""

from __future__ import annotations

from typing import Final

from boxwatch.sources.simulated.channels import CHANNELS
from boxwatch.sources.simulated.vllm import access
from boxwatch.sources.simulated.world import World

SERVICES: Final = ("ollama", "vllm")  # by GPU index
TRAINER: Final = "trainer"  # on all other cards

_BANNERS: Final = {
    "vllm": (
        "INFO {ts} [api_server.py:1287] vLLM API server version 0.9.1",
        "INFO {ts} [core.py:70] Initializing a V1 LLM engine (v0.9.1)",
    ),
    "open-webui": (
        "INFO:     Started server process [1]",
        "INFO:     Waiting for application startup.",
    ),
    "postgres": (
        "{ts} UTC [1] LOG:  starting PostgreSQL 16.4 (Debian 16.4-1.pgdg120+1)",
        "{ts} UTC [1] LOG:  listening on IPv4 address 0.0.0.0, port 5432",
    ),
    "redis": ("1:C {ts} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",),
}
_READY: Final = {
    "vllm": (
        "INFO {ts} [default_loader.py:272] Loading weights took 21.36 seconds",
        "INFO:     Application startup complete.",
    ),
    "open-webui": ("INFO:     Application startup complete.",),
    "postgres": ("{ts} UTC [1] LOG:  database system is ready to accept connections",),
    "redis": ("1:M {ts} * Ready to accept connections tcp",),
}


def service_on(index: int) -> str:
    """Who computes on the card `index`."""
    return SERVICES[index] if index < len(SERVICES) else TRAINER


def stop_work(world: World, service: str, start: int, end: int) -> None:
    """From `start` to `end` the service says nothing and its card does nothing for it."""
    container = CHANNELS[service].kind == "docker"
    world.lines.mute(service, start, end, events=container)
    if service in SERVICES:
        world.lines.mute("open-webui", start, end, about=service)
    cut = slice(start, end)
    for index, card in enumerate(world.cards):
        if service_on(index) == service:
            card.util[cut] = 0.0
            card.watts[cut] = 0.0
            card.memory[cut] = 4.0
            card.processes[cut] = 0.0


def fail_requests(world: World, service: str, start: float, end: float) -> None:
    """People who ask while `service` is down get an error page."""
    if service not in SERVICES:
        return  # nobody asks a training job
    port = 11434 if service == "ollama" else 8000
    where = "172.17.0.1" if service == "ollama" else service
    for at in world.finished_between(service, start, end).tolist():
        world.lines.add(
            at,
            "open-webui",
            "{ts} | ERROR    | open_webui.routers.openai:generate_chat_completion:742 - "
            f"Cannot connect to host {where}:{port} ssl:default [Connect call failed]",
            3,
        )
        world.lines.add(
            at + 0.02, "open-webui", access("10.20.0.33", "POST /api/chat/completions", 500)
        )


def die(world: World, at: float, container: str, code: int, *, oom: bool = False) -> None:
    """A container ends: its events, and what dockerd says."""
    image = CHANNELS[container].image
    if oom:
        world.lines.event(at - 0.05, container, "oom", image=image)
    world.lines.event(at, container, "die", image=image, exitCode=str(code), execDuration="9")
    world.lines.add(
        at + 0.02,
        "dockerd",
        'time="{ts}Z" level=info msg="ignoring event" '
        f"container={CHANNELS[container].container_id} module=libcontainerd namespace=moby "
        'topic=/tasks/delete type="*events.TaskDelete"',
    )


def begin(world: World, at: float, container: str) -> None:
    """A container starts: its event and the first lines of its program."""
    world.lines.event(at, container, "start", image=CHANNELS[container].image)
    for delay, text in enumerate(_BANNERS[container]):
        world.lines.add(at + 0.6 + 0.1 * delay, container, text)


def ready(world: World, at: float, container: str) -> None:
    """The program in a container is up."""
    for delay, text in enumerate(_READY[container]):
        world.lines.add(at + 0.1 * delay, container, text)


def replace(world: World, at: float, container: str) -> None:
    """Someone stops a container in good order and starts it from a newer image."""
    world.lines.mute(container, at, at + 16, events=True)
    image = CHANNELS[container].image
    world.lines.event(at, container, "kill", image=image, signal="15")
    die(world, at + 1.4, container, 0)
    world.lines.event(at + 1.5, container, "stop", image=image)
    begin(world, at + 2.5, container)
    ready(world, at + 15.0, container)
