"""What a simulated day gives: faults found over several seeds, and what judging it costs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from boxwatch.bench.footprint import COMMAND, Footprint, cores, run
from boxwatch.bench.result import BenchOptions, Figure, at_least, at_most, measured

FOUND: Final = 0.9  # of the faults put in
FALSE_ALARMS: Final = 1.0  # a day
REPLAY_S: Final = 60.0
REPLAY_BYTES: Final = 2**30
CORES: Final = 2  # that a replay may use; so many days are simulated at once, too


@dataclass(frozen=True, slots=True)
class Day:
    """How one simulated day went."""

    seed: int
    injected: int
    found: int
    false_alarms: int

    @property
    def share(self) -> float:
        """Of the faults put in, those found."""
        return self.found / self.injected


def days(options: BenchOptions, seeds: Sequence[int]) -> list[Figure]:
    """The first day alone, replayed and timed; then the others, and how well all were judged."""
    first, replay = replayed(options, seeds[0])
    step = "more simulated days"
    options.progress(step, 0, len(seeds) - 1)
    found = [first]
    with cores(CORES) as threads, ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_rate, options.folder, seed) for seed in seeds[1:]]
        for one in as_completed(running):
            found.append(one.result())
            options.progress(step, len(found) - 1, len(seeds) - 1)
    return [*quality_figures(found), *replay]


def quality_figures(days: Iterable[Day]) -> list[Figure]:
    """The mean and the worst of `days`."""
    shown = sorted(days, key=lambda day: day.seed)
    span = f"seeds {shown[0].seed}-{shown[-1].seed}"
    alarms = fmean(day.false_alarms for day in shown)
    return [
        at_least(f"faults found, mean of {span}", fmean(d.share for d in shown), "share", FOUND),
        at_least(f"faults found, least of {span}", min(d.share for d in shown), "share", FOUND),
        at_most(f"false alarms, mean of {span}", alarms, "a day", FALSE_ALARMS),
        measured(f"false alarms, most of {span}", max(d.false_alarms for d in shown), "a day"),
    ]


def replayed(options: BenchOptions, seed: int) -> tuple[Day, list[Figure]]:
    """A day's raw records, from files to incidents: `boxwatch normalize`, then `detect`."""
    step = "a day to incidents"
    options.progress(step, 0, 3)
    made, data = options.folder / "made", options.folder / "day"
    with cores(CORES) as threads:
        day = _simulate(made, seed, threads)
        data.mkdir()
        (made / "ingested").rename(data / "ingested")
        shutil.rmtree(made)
        options.progress(step, 1, 3)
        where = ("--data", str(data), "--json")
        normalized = run((*COMMAND, "normalize", *where), options.folder, threads)
        options.progress(step, 2, 3)
        judged = run((*COMMAND, "detect", *where), options.folder, threads)
    shutil.rmtree(data)
    options.progress(step, 3, 3)
    return day, _replay_figures(normalized, judged)


def _replay_figures(normalized: Footprint, judged: Footprint) -> list[Figure]:
    rows = json.loads(normalized.output)["rows"]
    peak = max(normalized.peak_bytes, judged.peak_bytes)
    return [
        measured("24 hours, two GPUs at 1 Hz", rows, "rows"),
        measured("24 hours normalised", normalized.wall_s, "s"),
        measured("24 hours judged", judged.wall_s, "s"),
        at_most("24 hours to incidents", normalized.wall_s + judged.wall_s, "s", REPLAY_S),
        at_most("24 hours, peak memory", peak / 2**20, "MiB", REPLAY_BYTES / 2**20),
    ]


def _rate(folder: Path, seed: int) -> Day:
    data = folder / f"day-{seed}"
    day = _simulate(data, seed, threads=1)
    shutil.rmtree(data)
    return day


def _simulate(data: Path, seed: int, threads: int) -> Day:
    """One day simulated, judged and scored, in a process of its own."""
    argv = (*COMMAND, "demo", "--seed", str(seed), "--data", str(data), "--json")
    result = json.loads(run(argv, data.parent, threads).output)
    return Day(seed, result["faults_injected"], result["faults_found"], result["false_alarms"])
