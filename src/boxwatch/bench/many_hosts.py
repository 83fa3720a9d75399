"""What watching many hosts over SSH costs the watcher: one process, every source at one second.

The hosts are as many logins to one small host: to the watcher each is a host of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.bench.chaos.containers import load_image, run_container
from boxwatch.bench.collector import Collector, host_settings
from boxwatch.bench.footprint import cpu_seconds, peak_bytes
from boxwatch.bench.hosts import Host, Site
from boxwatch.bench.result import BenchOptions, Figure, at_most, measured
from boxwatch.clock import monotonic
from boxwatch.store import EventStore

COUNTS: Final = (1, 10, 50)
CORE_PERCENT: Final = 60.0
PEAK_MB: Final = 400.0
WATCHED_S: Final = 60.0
SETTINGS: Final = "[data_collection]\ninterval_seconds = 1\n"
_BASELINE_S: Final = 45.0  # learning is over: 30 s by default, and some for the logins
_RATE: Final = 2.0  # lines a second of the container; each host reads them


@dataclass(frozen=True, slots=True)
class Cost:
    """What the watcher of so many hosts used, and what came of it."""

    hosts: int
    core_percent: float
    peak_mb: float
    rows_s: float


def many_hosts(
    options: BenchOptions,
    counts: Sequence[int] = COUNTS,
    baseline_s: float = _BASELINE_S,
    watched_s: float = WATCHED_S,
) -> list[Figure]:
    """The figures of 1, 10 and 50 hosts; the last has the targets.

    Raises:
        EnvironmentFault: small hosts cannot be made on this machine; says why.

    """
    costs: list[Cost] = []
    with Site(options.folder / "many") as site:
        host = site.add("many", containers=True)
        load_image(host)
        run_container(host, "speaker", _RATE)
        for number, count in enumerate(counts):
            options.progress("many hosts", number, len(counts))
            costs.append(_cost(site, host, count, baseline_s, watched_s))
        options.progress("many hosts", len(counts), len(counts))
    return [figure for cost in costs for figure in _figures(cost, last=cost is costs[-1])]


def _figures(cost: Cost, *, last: bool) -> list[Figure]:
    what = f"{cost.hosts} SSH hosts" if cost.hosts > 1 else "1 SSH host"
    percent, peak = f"{what}, processor", f"{what}, peak memory (VmHWM)"
    return [
        at_most(percent, cost.core_percent, "% of a core", CORE_PERCENT)
        if last
        else measured(percent, cost.core_percent, "% of a core"),
        measured(f"{what}, processor a host", cost.core_percent / cost.hosts, "% of a core"),
        at_most(peak, cost.peak_mb, "MB", PEAK_MB) if last else measured(peak, cost.peak_mb, "MB"),
        measured(f"{what}, stored", cost.rows_s, "rows/s"),
    ]


def _cost(site: Site, host: Host, count: int, baseline_s: float, watched_s: float) -> Cost:
    settings = host_settings(site, [host] * count, SETTINGS, numbered=True)
    collector = Collector(site.folder / f"watcher-{count}", settings, site)
    collector.start()
    try:
        collector.wait_until_reading()
        collector.wait_until_found(_hosts_read, count, "hosts")
        time.sleep(baseline_s)
        at, used, rows = monotonic(), cpu_seconds(collector.pid), _rows(collector.data)
        time.sleep(watched_s)
        took = monotonic() - at
        used = cpu_seconds(collector.pid) - used
        peak = peak_bytes(collector.pid)
    finally:
        collector.stop()
    rows = _rows(collector.data) - rows
    return Cost(count, 100 * used / took, peak / 1e6, rows / took)


def _rows(data: Path) -> int:
    with EventStore.open(data, writable=False) as store:
        return sum(
            int(table.select(pl.len()).collect().item())
            for table in (store.logs(), store.samples())
        )


def _hosts_read(store: EventStore) -> int:
    """How many hosts have readings in the store."""
    read = store.samples().filter(pl.col("metric") == "load1").select("host")
    return read.collect()["host"].n_unique()
