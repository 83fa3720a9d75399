"""The figures of collecting: catching up, following, many hosts, and the host that is watched.

Everything is measured with the settings Boxwatch is shipped with, on small hosts of their own.
Nothing else should run meanwhile.
"""

from __future__ import annotations

from typing import Final

from boxwatch.bench.catch_up import catch_up
from boxwatch.bench.following import following
from boxwatch.bench.many_hosts import COUNTS, many_hosts
from boxwatch.bench.result import BenchOptions, BenchResult, this_machine
from boxwatch.bench.watched_cost import watched_cost

ENTRIES: Final = 1_000_000
_QUICK_S: Final = 20.0


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; some fifteen minutes. `size` is the number of journal entries.

    With a size, everything else is short as well.

    Raises:
        EnvironmentFault: one of them cannot be measured on this machine; says which and why.

    """
    (options.folder / "boxwatch.toml").touch()  # the nearest settings file: none but the defaults
    if options.size is None:
        figures = [
            *catch_up(options, ENTRIES),
            *following(options),
            *many_hosts(options, COUNTS),
            *watched_cost(options),
        ]
    else:
        figures = [
            *catch_up(options, options.size, runs=1),
            *following(options, _QUICK_S),
            *many_hosts(options, COUNTS[:2], watched_s=_QUICK_S),
            *watched_cost(options, _QUICK_S),
        ]
    return BenchResult("sources", this_machine(), tuple(figures))
