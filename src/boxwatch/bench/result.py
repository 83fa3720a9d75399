"""What a bench says: the machine it ran on and its figures, each with target and peer."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from boxwatch.pulse import Progress, unheard


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What a bench is given: a folder of its own to work in, a seed, and whom to tell.

    `size` is how much it does, in a unit of its own; null is all that its figures are stated for.
    `data_sets` is where the public data lies that some benches read.
    """

    folder: Path
    seed: int = 0
    progress: Progress = unheard
    size: int | None = None
    data_sets: Path | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `met` is null where there is no target. `peer` names what it is compared with, and its
    version; `peer_value` was measured in the same run; `ratio` is value / peer_value.
    What could not be measured has the value NaN (null in JSON), and `peer` says why.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    met: bool | None = None
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures were measured."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    boxwatch: str


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Everything one bench measured in one run.

    `notes` say what the figures rest on, and what to look at where one was missed.
    """

    bench: str
    machine: Machine
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """True unless a target was missed, or could not be measured."""
        return all(figure.met or figure.target is None for figure in self.figures)


def at_least(
    name: str, value: float, unit: str, target: float, peer: tuple[str, float] | None = None
) -> Figure:
    """A figure that is better the larger it is; `peer`: what it is compared with, its value."""
    return _compared(Figure(name, value, unit, target, value >= target), peer)


def at_most(
    name: str, value: float, unit: str, target: float, peer: tuple[str, float] | None = None
) -> Figure:
    """A figure that is better the smaller it is; `peer` as for `at_least`."""
    return _compared(Figure(name, value, unit, target, value <= target), peer)


def measured(name: str, value: float, unit: str, peer: tuple[str, float] | None = None) -> Figure:
    """A figure without a target; `peer` as for `at_least`."""
    return _compared(Figure(name, value, unit), peer)


def not_measured(name: str, unit: str, target: float | None, why: str) -> Figure:
    """A figure that could not be measured, and why; its target is not met."""
    return Figure(name, math.nan, unit, target, peer=why)


def this_machine() -> Machine:
    """The machine this process runs on."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        boxwatch=version("boxwatch"),
    )


def _compared(figure: Figure, peer: tuple[str, float] | None) -> Figure:
    if peer is None:
        return figure
    name, value = peer
    return Figure(
        name=figure.name,
        value=figure.value,
        unit=figure.unit,
        target=figure.target,
        met=figure.met,
        peer=name,
        peer_value=value,
        ratio=figure.value / value if value != 0 else None,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
