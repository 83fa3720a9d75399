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

from boxwatch.bench.footprint import COMMAND, cores, run
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


def quality(options: BenchOptions, seeds: Sequence[int]) -> list[Figure]:
    """Faults found and false alarms of the demo over `seeds`."""
    step = "simulated days"
    options.progress(step, 0, len(seeds))
    days = []
    with cores(CORES) as threads, ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_live, options.folder, seed) for seed in seeds]
        for done, one in enumerate(as_completed(running), start=1):
            days.append(one.result())
            options.progress(step, done, len(seeds))
    return quality_figures(days)


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


def _live(folder: Path, seed: int) -> Day:
    """One day simulated, judged and scored, in a process of its own."""
    data = folder / f"day-{seed}"
    argv = (*COMMAND, "demo", "--seed", str(seed), "--data", str(data), "--json")
    result = json.loads(run(argv, folder, threads=1).output)
    shutil.rmtree(data)
    return Day(seed, result["faults_injected"], result["faults_found"], result["false_alarms"])


def replayed(options: BenchOptions, seed: int) -> list[Figure]:
    """A day's raw records, from files to incidents: `boxwatch normalize`, then `detect`."""
    step = "a day to incidents"
    options.progress(step, 0, 3)
    made, data = options.folder / "made", options.folder / "day"
    with cores(CORES) as threads:
        demo = (*COMMAND, "demo", "--seed", str(seed), "--data", str(made), "--json")
        run(demo, options.folder, threads)
        data.mkdir()
        (made / "ingested").rename(data / "ingested")
        shutil.rmtree(made)
        options.progress(step, 1, 3)
        normalized = run((*COMMAND, "normalize", "--data", str(data), "--json"), data, threads)
        options.progress(step, 2, 3)
        judged = run((*COMMAND, "detect", "--data", str(data), "--json"), data, threads)
    shutil.rmtree(data)
    options.progress(step, 3, 3)
    rows = json.loads(normalized.output)["rows"]
    peak = max(normalized.peak_bytes, judged.peak_bytes)
    return [
        measured("rows of 24 hours, two GPUs at 1 Hz", rows, "rows"),
        measured("24 hours normalised", normalized.wall_s, "s"),
        measured("24 hours judged", judged.wall_s, "s"),
        at_most("24 hours to incidents", normalized.wall_s + judged.wall_s, "s", REPLAY_S),
        at_most("24 hours to incidents: peak memory", peak / 2**20, "MiB", REPLAY_BYTES / 2**20),
    ]
