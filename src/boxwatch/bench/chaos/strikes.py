"""What is done to a watcher and to the host it watches, and when."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from boxwatch.bench.collector import Collector
from boxwatch.bench.hosts import Host


class Strike(StrEnum):
    """One way to disturb them."""

    COLLECTOR = "collector killed"
    SSHD = "sshd killed"
    JOURNALD = "journald killed"
    DOCKERD = "dockerd killed"
    CABLE = "network cut"
    PAUSE = "host paused"


# How often each comes among a hundred.
_SHARES: Final = {
    Strike.COLLECTOR: 28,
    Strike.SSHD: 22,
    Strike.JOURNALD: 20,
    Strike.DOCKERD: 20,
    Strike.CABLE: 4,
    Strike.PAUSE: 6,
}
LOCAL: Final = (Strike.COLLECTOR, Strike.JOURNALD, Strike.DOCKERD)  # where no network lies between
_CUT_S: Final = 30.0
_PAUSE_S: Final = (2.0, 12.0)
_REST_S: Final = (0.1, 6.0)  # from one strike to the next


@dataclass(frozen=True, slots=True)
class Planned:
    """A strike, how long after the one before, and how long it lasts."""

    strike: Strike
    rest_s: float
    lasting_s: float = 0.0


def plan(
    seed: int, count: int, kinds: tuple[Strike, ...] = tuple(Strike), cut_s: float = _CUT_S
) -> list[Planned]:
    """`count` strikes of `kinds` in an order and at instants that `seed` chooses.

    Each kind comes at least once where `count` allows it.
    """
    draw = random.Random(seed)  # noqa: S311 - not a secret
    weights = [_SHARES[kind] for kind in kinds]
    first = list(kinds)[:count]
    drawn = [*first, *draw.choices(kinds, weights, k=count - len(first))]
    draw.shuffle(drawn)
    lasting = {Strike.CABLE: lambda: cut_s, Strike.PAUSE: lambda: draw.uniform(*_PAUSE_S)}
    return [
        Planned(strike, draw.uniform(*_REST_S), lasting.get(strike, float)()) for strike in drawn
    ]


def strike(planned: Planned, host: Host, collector: Collector) -> None:
    """Do it, and undo what is to be undone after its time."""
    match planned.strike:
        case Strike.COLLECTOR:
            collector.kill()
            collector.start()
        case Strike.SSHD:
            _kill(host.sessions(), "sshd")
        case Strike.JOURNALD:
            _kill(host.group.pids("system.slice/systemd-journald.service"), "systemd-journal")
        case Strike.DOCKERD:
            _kill(host.group.pids("system.slice/docker.service"), "dockerd")
        case Strike.CABLE:
            host.pull_cable()
            time.sleep(planned.lasting_s)
            host.plug_cable()
        case Strike.PAUSE:
            host.pause()
            time.sleep(planned.lasting_s)
            host.resume()


def _kill(pids: list[int], name: str) -> None:
    """Kill those of `pids` that run the program `name`."""
    for pid in pids:
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().startswith(name):
                os.kill(pid, signal.SIGKILL)
