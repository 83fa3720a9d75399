"""Faults injected into simulated GPU servers: the figures, and what to look at where one is missed.

No public telemetry of GPUs with labelled faults exists, so the faults are put in. Which, and for
how long, follows the fault log of 400 real servers; ranges of readings follow real captures. No
figure here is of a real fault.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from boxwatch.bench import footprint
from boxwatch.bench.faults import tally
from boxwatch.bench.faults.fault_log import read
from boxwatch.bench.faults.machine_day import Day, load
from boxwatch.bench.faults.plan import CHECKING, HOURS
from boxwatch.bench.result import BenchOptions, BenchResult, this_machine

_MODULE: Final = "boxwatch.bench.faults.machine_day"
_DAYS: Final = 16  # some twenty minutes of two cores
_CORES: Final = 2
_LIMIT_S: Final = 3600.0


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures on machine-days that were not developed on; `size` is how many.

    With a seed other than 0, the machine-days of that seed and those after it.

    Raises:
        UsageError: the fault log is not there.
    """
    log = read(options.data_sets)
    first = options.seed if options.seed != 0 else CHECKING
    seeds = range(first, first + (_DAYS if options.size is None else options.size))
    days = _days(options, seeds)
    return BenchResult(
        "faults", this_machine(), tuple(tally.figures(days, log)), tuple(_notes(days, options))
    )


def _days(options: BenchOptions, seeds: Sequence[int]) -> list[Day]:
    """The machine-days, one process each, as many at once as there are cores."""
    step = f"machine-days of {HOURS} hours"
    options.progress(step, 0, len(seeds))
    days: list[Day] = []
    with footprint.cores(_CORES) as cores, ThreadPoolExecutor(cores) as pool:
        running = [pool.submit(_day, options, seed) for seed in seeds]
        try:
            for one in as_completed(running):
                days.append(one.result())
                options.progress(step, len(days), len(seeds))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(days, key=lambda day: day.seed)


def _day(options: BenchOptions, seed: int) -> Day:
    folder = options.folder / f"machine-day-{seed}"
    argv = (sys.executable, "-m", _MODULE, str(seed), str(folder), _absolute(options.data_sets))
    told = footprint.run(argv, options.folder, 1, _LIMIT_S).output
    shutil.rmtree(folder)
    return load(told)


def _absolute(folder: Path | None) -> str:
    return "" if folder is None else str(folder.resolve())


def _notes(days: Sequence[Day], options: BenchOptions) -> list[str]:
    """What the figures rest on; then every fault that was missed and every false alarm."""
    seeds = [day.seed for day in days]
    kind = "seeds that only check" if min(seeds) >= CHECKING else "seeds for developing"
    count = sum(len(day.faults) for day in days)
    notes = [
        "All of these figures are from faults injected into simulated machines; none is from a "
        "real fault. Mix and durations follow a log of 400 real servers (InfiniteHBD-Trace), cut "
        "to what a day has room for; readings follow captures of real cards.",
        f"Machine-days of seeds {seeds[0]}-{seeds[-1]}, {kind}: {count} faults on "
        f"{sum(bool(day.faults) for day in days)} of {len(days)} days.",
    ]
    for day in days:
        lines = [
            f"  missed {one.name} on {one.entity} at {one.start:%H:%M:%S}: {one.description}"
            for one in day.faults
            if one.delay_s is None
        ]
        lines += [
            f"  false alarm {one.id} on {one.entity} at {one.start:%H:%M:%S}: {one.title}"
            for one in day.alarms
        ]
        if lines:
            again = f"python -m {_MODULE} {day.seed} FOLDER {_absolute(options.data_sets)}"
            notes += [f"{day.build}-{day.seed}, to see it again: {again}", *lines]
            notes.append("  then: boxwatch detect --data FOLDER")
    return notes
