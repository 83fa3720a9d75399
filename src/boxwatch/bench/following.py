"""How long a record takes from its origin into the store while a host is watched."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.bench.chaos.containers import load_image, run_container
from boxwatch.bench.chaos.verdict import LINE
from boxwatch.bench.collector import Collector, host_settings
from boxwatch.bench.hosts import Host, Site
from boxwatch.bench.result import BenchOptions, Figure, at_most, measured
from boxwatch.clock import SystemClock, monotonic
from boxwatch.store import EventStore

SLOWEST_S: Final = 1.5
WATCHED_S: Final = 60.0
_RATE: Final = 20.0  # lines a second of each writer
_WARM_S: Final = 15.0
_LOOK_S: Final = 0.01
_ORIGINS: Final = 2  # the journal and a container


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from the time that the origin gave a line until the line was found in the store."""

    source: str
    seconds: pl.Series

    def percentile(self, part: float) -> float:
        """The delay that `part` of the lines did not exceed."""
        return float(self.seconds.quantile(part, "higher") or 0.0)


def following(options: BenchOptions, watched_s: float = WATCHED_S) -> list[Figure]:
    """The delays of lines of a journal and of a container: on the host itself, and over SSH.

    Raises:
        EnvironmentFault: small hosts cannot be made on this machine; says why.

    """
    figures: list[Figure] = []
    with Site(options.folder / "following") as site:
        host = site.add("spoken", containers=True)
        load_image(host)
        run_container(host, "speaker", _RATE)
        for remote in (False, True):
            way = "over SSH" if remote else "on the host"
            for found in delays(site, host, remote=remote, watched_s=watched_s):
                name = f"{found.source} to the store, {way}"
                figures += [
                    measured(f"{name}, median", found.percentile(0.5), "s"),
                    at_most(f"{name}, p99", found.percentile(0.99), "s", SLOWEST_S),
                ]
            options.progress("following", 1 + remote, 2)
    return figures


def delays(
    site: Site, host: Host, *, remote: bool, watched_s: float, warm_s: float = _WARM_S
) -> list[Delays]:
    """Watch `host` while its journal and its containers are written to; a `Delays` a source."""
    if remote:
        collector = Collector(site.folder / "afar", host_settings(site, [host]), site)
    else:
        collector = Collector(host.folder / "home/near", "", site, host)
    module = "boxwatch.bench.chaos.journal_writer"
    argv = host.argv(sys.executable, "-m", module, str(_RATE))
    collector.start()
    try:
        collector.wait_until_reading()
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            time.sleep(warm_s)
            collector.wait_until_found(_origins, _ORIGINS, "origins")
            found = _look(collector.data, watched_s)
            writer.communicate()
    finally:
        collector.stop()
    return [
        Delays(str(source), part["seconds"])
        for (source,), part in found.sort("source").group_by("source", maintain_order=True)
    ]


def _origins(store: EventStore) -> int:
    """How many sources have lines of the writers in the store."""
    ours = store.logs().filter(pl.col("message").str.contains(LINE)).select("source")
    return ours.collect()["source"].n_unique()


def _look(data: Path, watched_s: float) -> pl.DataFrame:
    """Of every line of the writers that arrives within so many seconds: source and delay."""
    end, clock = monotonic() + watched_s, SystemClock()
    frames = []
    with EventStore.open(data, writable=False) as store:
        seen = store.head().seq
        while monotonic() < end:
            time.sleep(_LOOK_S)
            head, now = store.head().seq, clock.now()
            if head == seen:
                continue
            for batch in store.batches(seen, until=head):
                lines = batch.events.logs.filter(pl.col("message").str.contains(LINE))
                delay = (pl.lit(now) - pl.col("time")).dt.total_microseconds() / 1e6
                frames.append(lines.select("source", delay.alias("seconds")))
            seen = head
    return pl.concat(frames)
