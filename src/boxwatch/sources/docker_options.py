"""How containers are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from boxwatch.sources.docker_engine import Engine
from boxwatch.sources.outbox import Pauses


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """How containers are read.

    `journal_read` True leaves containers that log to journald to the journal's source. `follow`
    False reads what is there and ends; `since` is where to begin without a position (None: now).
    `engine` is how the engine is asked; None is with the docker command over the shell, which
    `program` and `arguments` name. `names` are the containers wanted; none named is all. Every
    `survey_s` all containers are counted: a safeguard, events tell nearly everything.
    """

    follow: bool = True
    since: datetime | None = None
    journal_read: bool = False
    program: str = "docker"
    arguments: tuple[str, ...] = ()
    first_pause_s: float = 0.2
    pauses: Pauses = field(default_factory=Pauses)
    survey_s: float = 120.0
    engine: Engine | None = None
    names: tuple[str, ...] = ()
