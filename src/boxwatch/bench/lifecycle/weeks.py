"""Simulated weeks of one server, watched and learned from as in life, an hour at a time.

Each day is simulated for itself; from the change on, the server is asked for several times as much.
Readings are kept every `SAMPLED_S` seconds in place of every second, lines all of them. The rest is
the way that records of a real machine go: stored, judged by the loop that watches, cut into windows
by the learner, which trains, asks the gates and lets challengers score in the loop's shadow.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from boxwatch import wiring
from boxwatch.clock import ManualClock, monotonic
from boxwatch.live import Loop
from boxwatch.pulse import Progress, unheard
from boxwatch.settings import Settings, load
from boxwatch.sources.simulated import FAULTS, WORKSTATION, Truth, simulate
from boxwatch.store import Lesson
from boxwatch.wiring.watching import opened

SAMPLED_S: Final = 5
BUSIER: Final = 3.0  # times as many people ask, from the change on
START: Final = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
_DAY: Final = timedelta(days=1)
_A_DAY: Final = 4  # faults of each day, in turn
_LOOK: Final = timedelta(hours=3)  # between two looks of the learner
_PATIENCE_S: Final = 60.0  # for a champion to be loaded beside the loop
_MARK: Final = b'"collected_at":"'
_SECOND: Final = slice(17, 19)  # in 2026-03-02T00:00:05


@dataclass(slots=True)
class Weeks:
    """What happened."""

    days: int
    changed: datetime
    truths: list[Truth] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    switches_s: list[float] = field(default_factory=list)

    @property
    def truth(self) -> Truth:
        """All days as one."""
        faults = tuple(fault for one in self.truths for fault in one.faults)
        first, last = self.truths[0], self.truths[-1]
        return replace(first, end=last.end, faults=faults)


def settings_of(data: Path) -> Settings:
    """What a person who wants to be left alone would set, and the coarse sampling."""
    return load(
        None,
        {
            "data.folder": data,
            "data_collection.interval_seconds": SAMPLED_S,
            "models.retrain_every": 2,
            "models.shadow_for": 0.25,
        },
    )


def live_through(
    data: Path, days: int, seed: int, progress: Progress, hours: float = 24.0
) -> Weeks:
    """Simulate, watch and learn for so many `days`; the workload changes after a third and one.

    Of each day only the first `hours` are lived, for a quick look.
    """
    settings, clock = settings_of(data), ManualClock(START)
    change = days // 3 + 1
    found = Weeks(days, START + change * _DAY)
    for day in range(days):
        progress("days", day, days)
        found.truths.append(_simulate(data, (seed, day, hours), busier=day >= change))
        wiring.normalize(settings, data, export=False, progress=unheard)
        shutil.rmtree(data / "ingested")
        _watch(settings, data, clock, found)
    progress("days", days, days)
    return found


def _simulate(data: Path, which: tuple[int, int, float], *, busier: bool) -> Truth:
    seed, day, hours = which
    names = sorted(FAULTS)
    faults = tuple(names[(day * _A_DAY + number) % len(names)] for number in range(_A_DAY))
    build = replace(WORKSTATION, demand=WORKSTATION.demand * (BUSIER if busier else 1.0))
    began = START + day * _DAY
    truth = simulate(
        data, seed=1000 * seed + day, start=began, hours=hours, faults=faults, build=build
    )
    for folder in ("gpu", "host"):
        for path in (data / "ingested" / folder).glob("*.jsonl"):
            path.write_bytes(b"".join(_sampled(path.read_bytes())))
    return truth


def _sampled(content: bytes) -> Iterator[bytes]:
    """The lines of every `SAMPLED_S`th second, and those that tell no time."""
    for line in content.splitlines(keepends=True):
        at = line.find(_MARK)
        stamp = line[at + len(_MARK) :]
        if at < 0 or int(stamp[_SECOND]) % SAMPLED_S == 0:
            yield line


def _watch(settings: Settings, data: Path, clock: ManualClock, found: Weeks) -> None:
    """Judge what is stored and not judged yet; between two batches others may take over."""
    looked = clock.now()
    with opened(settings, data, (), succession=True) as (store, loop):
        with closing(wiring.Learner(settings, data, clock)) as learner:
            for seq in loop.recovering():
                clock.set(next(iter(store.batches(seq - 1, until=seq))).now)
                if clock.now() - looked < _LOOK:
                    continue
                looked = clock.now()
                loop.checkpoint()
                lesson = learner.look()
                if lesson is not None:
                    found.lessons.append(lesson)
                    _take_up(loop, lesson, found)
        loop.checkpoint()


def _take_up(loop: Loop, lesson: Lesson, found: Weeks) -> None:
    """Go on between two turns until a version that was put in use was taken up."""
    end, named = monotonic() + _PATIENCE_S, f"v{lesson.version}"
    in_use = lesson.outcome.startswith(f"{named} is in use")
    while monotonic() < end:
        began = monotonic()
        loop.succeed()
        if in_use and loop.champion == named:
            found.switches_s.append(monotonic() - began)
            return
        if not in_use and monotonic() - end > 1.0 - _PATIENCE_S:  # a challenger: a second will do
            return
        time.sleep(0.01)
