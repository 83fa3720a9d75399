"""Which machine a seed stands for, and which faults it has.

Even seeds have a day with faults, odd ones an ordinary day. Seeds below 100 are for developing;
the bench itself takes the others unless it is told otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from boxwatch.bench.faults.classes import CLASSES, FaultClass
from boxwatch.bench.faults.fault_log import FaultLog
from boxwatch.sources.simulated import BUILDS, Build, FaultKind

CHECKING: Final = 100  # the first seed that only checks
HOURS: Final = 24
_FIRST_DAY: Final = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday; every weekday comes
_LEAST_MIN: Final = 4.0
_FULL_MIN: Final = 20 * 60.0  # of a day that faults and the pauses between them fill
_APART_MIN: Final = 25.0


@dataclass(frozen=True, slots=True)
class MachineDay:
    """One machine for a day; `faults` have the lengths drawn for them."""

    seed: int
    build: Build
    start: datetime
    faults: tuple[FaultKind, ...]

    @property
    def host(self) -> str:
        """Its name."""
        return f"{self.build.name}-{self.seed}"


def machine_day(seed: int, log: FaultLog) -> MachineDay:
    """The day of `seed`: the same for ever, whatever else runs."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 20260302]))
    builds = list(BUILDS.values())
    plain = builds[(seed // 2) % len(builds)]
    build = replace(
        plain,
        demand=plain.demand * float(np.exp(rng.normal(0.0, 0.25))),
        room_c=plain.room_c + float(rng.uniform(-3.0, 3.0)),
    )
    start = _FIRST_DAY + timedelta(days=seed % 7)
    faults = _faults(build, log, rng) if seed % 2 == 0 else ()
    return MachineDay(seed, build, start, faults)


def _faults(build: Build, log: FaultLog, rng: np.random.Generator) -> tuple[FaultKind, ...]:
    """Each class that the machine can have once, then more by the log's mix while there is room."""
    mine = [one for one in CLASSES if one.fits(build)]
    shares = np.array([log.count(one.logged) for one in mine], dtype=float)
    chosen = [_lasting(one, log, rng) for one in mine]
    while sum(kind.minutes[0] + _APART_MIN for kind in chosen) < _FULL_MIN:
        more = mine[int(rng.choice(len(mine), p=shares / shares.sum()))]
        chosen.append(_lasting(more, log, rng))
    return tuple(chosen)


def _lasting(one: FaultClass, log: FaultLog, rng: np.random.Generator) -> FaultKind:
    """The fault for as long as one of the log lasted, but no longer than a day has room for.

    Most of the log's faults last for hours: cut off, they must be found in less time than they
    would have left.
    """
    minutes = 60.0 * float(rng.choice(log.lasted(one.logged)))
    minutes = min(max(minutes, _LEAST_MIN), one.kind.minutes[1])
    return replace(one.kind, minutes=(minutes, minutes))
