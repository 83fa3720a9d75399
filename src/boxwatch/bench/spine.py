"""The figures of the whole way: from raw records to incidents, on this machine.

Everything is measured in processes of their own, with the settings Boxwatch is shipped with.
Nothing else should run meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import Final

from boxwatch.bench import installed
from boxwatch.bench.days import days
from boxwatch.bench.footprint import COMMAND
from boxwatch.bench.footprint import run as run_child
from boxwatch.bench.result import (
    BenchOptions,
    BenchResult,
    Figure,
    at_most,
    measured,
    this_machine,
)
from boxwatch.bench.throughput import throughput
from boxwatch.bench.watching import watching

SEEDS: Final = range(1, 11)
LINES: Final = 1_000_000
HELP_S: Final = 0.4
SITE_PACKAGES_MB: Final = 700.0

_HELP_RUNS: Final = 10
_HEAVIEST: Final = 5


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; some minutes.

    Raises:
        EnvironmentFault: one of them cannot be measured on this machine; says which and why.

    """
    (options.folder / "boxwatch.toml").touch()  # the nearest settings file: none but the defaults
    figures = [
        *help_page(options),
        *site_packages(),
        *throughput(options, LINES),
        *watching(options),
        *days(options, SEEDS),
    ]
    return BenchResult("spine", this_machine(), tuple(figures))


def help_page(options: BenchOptions, runs: int = _HELP_RUNS) -> list[Figure]:
    """How long `boxwatch --help` takes when it has run before."""
    took: Sequence[float] = []
    for number in range(runs + 1):
        options.progress("boxwatch --help", number, runs + 1)
        took = [*took, run_child((*COMMAND, "--help"), options.folder, threads=1).wall_s]
    return [at_most(f"--help, median of {runs}", median(took[1:]), "s", HELP_S)]


def site_packages() -> list[Figure]:
    """What the core weighs when it is installed, and what weighs most of it."""
    sizes = installed.sizes("boxwatch")
    return [
        at_most("installed core", sum(sizes.values()) / 1e6, "MB", SITE_PACKAGES_MB),
        *(measured(name, size / 1e6, "MB") for name, size in islice(sizes.items(), _HEAVIEST)),
    ]
