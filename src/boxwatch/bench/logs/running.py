"""The figures of understanding logs, with the peers measured in the same run.

The public data sets and the peers (from PyPI, each in an environment of its own that is removed
afterwards) are needed; a figure that needs an absent peer is not measured, and says so.
Nothing else should run meanwhile.
"""

from __future__ import annotations

from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.logs.grouping import grouping
from boxwatch.bench.logs.memory import memory
from boxwatch.bench.logs.peers import install
from boxwatch.bench.logs.session_scores import session_scores
from boxwatch.bench.logs.signatures import signatures
from boxwatch.bench.logs.speed import speed
from boxwatch.bench.logs.stability import stability
from boxwatch.bench.result import BenchOptions, BenchResult, this_machine


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; some ten minutes. `size` is lines.

    Raises:
        UsageError: the data sets are not there.
        EnvironmentFault: one of them cannot be measured on this machine; says which and why.

    """
    sets = DataSets(options.data_sets)
    (options.folder / "boxwatch.toml").touch()  # the nearest settings file: none but the defaults
    options.progress("installing peers", 0, 1)
    peers = install(options.folder)
    figures = [
        *speed(options, sets, peers),
        *grouping(options, sets, peers),
        *stability(options, sets),
        *session_scores(options, sets),
        *signatures(options, sets),
        *memory(options, sets),
    ]
    return BenchResult("logs", this_machine(), tuple(figures))
