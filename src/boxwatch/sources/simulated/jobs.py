"""What surprises but is normal: batch work, compile jobs, image pulls, the nightly backup."""

from __future__ import annotations

import numpy as np

from boxwatch.sources.simulated import outage
from boxwatch.sources.simulated.ollama import gin
from boxwatch.sources.simulated.world import GIB, World


def run_jobs(world: World) -> None:
    """Draw and run every job of the span."""
    days = world.span.seconds / 86400
    for name, per_day, job in (
        ("embedding", 2.5, _embedding),
        ("compile", 3.0, _compile),
        ("pull", 2.0, _pull),
        ("big-load", 1.5, _big_load),
    ):
        rng = world.random(f"job:{name}")
        for at in np.sort(rng.uniform(60, world.span.seconds, rng.poisson(per_day * days))):
            job(world, int(at), rng)
    for at in world.span.daily(2.5):
        _backup(world, int(at), world.random("job:backup"))
    for at in world.span.every(3600.0, 2220.0).tolist():
        _dump(world, int(at))


def _embedding(world: World, at: int, rng: np.random.Generator) -> None:
    """Half an hour of full load on one card."""
    gpu = int(rng.integers(2))
    embed(world, gpu, at, min(at + int(rng.uniform(1300, 2200)), world.span.seconds), rng)


def embed(world: World, gpu: int, at: int, end: int, rng: np.random.Generator) -> None:
    """A batch of embeddings keeps one card fully busy from `at` to `end`."""
    card = world.cards[gpu]
    card.util[at:end] = 1.0
    card.watts[at:end] = 275.0
    world.host.cpu[at:end] += 2.6
    world.host.read[at:end] += 4e6
    world.host.sent[at:end] += 3e5
    if gpu == 0:
        card.memory[at:end] += 820 * world.build.card.share
    for second in np.arange(at, end, 4.0) + rng.uniform(0, 3, len(np.arange(at, end, 4.0))):
        if gpu == 0:
            took = 1.5 + rng.random()
            world.lines.add(
                float(second), "ollama", gin(200, took, "172.18.0.31", "POST", "/api/embed")
            )
        else:
            world.lines.add(
                float(second),
                "vllm",
                'INFO:     172.18.0.31:41822 - "POST /v1/embeddings HTTP/1.1" 200 OK',
            )


def _compile(world: World, at: int, rng: np.random.Generator) -> None:
    """A person builds something on half the cores."""
    end = min(at + int(rng.uniform(420, 1100)), world.span.seconds)
    world.host.cpu[at:end] += 14.5 + 1.5 * np.sin(np.arange(end - at) / 9.0)
    world.host.memory[at:end] += 7e9
    world.host.processes[at:end] += 36
    world.host.written[at:end] += 9e6
    world.host.read[at : min(at + 90, end)] += 3.5e7
    session = int(rng.integers(100, 999))
    login(world, at - 20.0, "mira", session)
    if end < world.span.seconds:
        logout(world, end + 12.0, "mira", session)


def login(world: World, at: float, user: str, session: int) -> None:
    """The lines of a person who logs in."""
    say = world.lines.add
    say(
        at,
        "sshd",
        f"Accepted publickey for {user} from 10.20.0.14 port {40000 + session} ssh2: "
        "ED25519 SHA256:kq8Jm2cQ0bDkX4sN7v3o",
    )
    say(
        at + 0.1,
        "sshd",
        f"pam_unix(sshd:session): session opened for user {user}(uid=1000) by (uid=0)",
    )
    say(at + 0.2, "systemd-logind", f"New session {session} of user {user}.")
    say(
        at + 0.3,
        "systemd",
        f"Started Session {session} of User {user}.",
        about=f"session-{session}.scope",
    )


def logout(world: World, at: float, user: str, session: int) -> None:
    """The lines of a person who leaves."""
    say = world.lines.add
    say(at, "sshd", f"pam_unix(sshd:session): session closed for user {user}")
    say(at + 0.1, "systemd-logind", f"Session {session} logged out. Waiting for processes to exit.")
    say(at + 0.2, "systemd-logind", f"Removed session {session}.")


def _pull(world: World, at: int, rng: np.random.Generator) -> None:
    """An image of some gigabytes comes over the network and is unpacked."""
    size = rng.uniform(2.5, 9.0) * GIB
    rate = rng.uniform(2.5e7, 6e7)
    end = min(at + int(size / rate), world.span.seconds)
    world.host.received[at:end] += rate
    world.host.sent[at:end] += rate / 60
    world.host.written[at:end] += 1.9 * rate
    world.host.cpu[at:end] += 1.3
    world.lines.event(float(end), "open-webui", "pull")
    if rng.random() < 0.6 and end + 60 < world.span.seconds:
        outage.replace(world, end + 8.0, "open-webui")
    world.lines.add(
        at + 0.5,
        "dockerd",
        'time="{ts}Z" level=info msg="Pulling image" image="ghcr.io/open-webui/open-webui:main"',
    )


def _big_load(world: World, at: int, rng: np.random.Generator) -> None:
    """Someone copies the weights of a 70B model from /data: a long read that fills the cache."""
    end = min(at + int(rng.uniform(35, 80)), world.span.seconds)
    world.host.read[at:end] += 42 * GIB / max(end - at, 1)
    world.host.cpu[at:end] += 1.0


def _backup(world: World, at: int, rng: np.random.Generator) -> None:
    """The nightly backup: reads, compresses, sends."""
    end = min(at + int(rng.uniform(900, 1500)), world.span.seconds)
    world.host.read[at:end] += 6.5e7
    world.host.sent[at:end] += 2.8e7
    world.host.cpu[at:end] += 1.9
    unit(world, at - 0.5, "backup.service", "Nightly backup", starting=True)
    world.lines.add(
        float(at), "backup", "open repository; lock repository; using parent snapshot 8c1f22ab"
    )
    if end < world.span.seconds:
        world.lines.add(float(end), "backup", f"snapshot {int(rng.integers(16**7)):07x} saved")
        unit(world, end + 0.4, "backup.service", "Nightly backup", starting=False)


def _dump(world: World, at: int) -> None:
    end = min(at + 25, world.span.seconds)
    world.host.read[at:end] += 1.2e7
    world.host.written[at:end] += 1.6e7
    world.host.cpu[at:end] += 0.9


def unit(world: World, at: float, name: str, what: str, *, starting: bool) -> None:
    """What systemd says when a unit that runs once starts or ends."""
    say = world.lines.add
    if starting:
        say(at, "systemd", f"Starting {name} - {what}...", about=name)
        return
    say(at, "systemd", f"{name}: Deactivated successfully.", about=name)
    say(at + 0.01, "systemd", f"Finished {name} - {what}.", about=name)
