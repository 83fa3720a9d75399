"""Nothing lost, nothing twice: a watcher and its host are struck while lines are written.

Numbered lines go to a journal and through containers on a small host; the watcher, sshd, journald
and dockerd are killed, the network is cut, the host is paused, at instants that a seed chooses.
In the end every line that its origin kept must be in the store once. What the origin itself did
not keep (a dockerd that was killed with a line in its hands) is counted apart.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from boxwatch.bench.chaos import verdict
from boxwatch.bench.chaos.containers import load_image, run_container
from boxwatch.bench.chaos.strikes import LOCAL, Planned, Strike, plan, strike
from boxwatch.bench.collector import Collector, host_settings
from boxwatch.bench.hosts import Host, Site
from boxwatch.bench.result import (
    BenchOptions,
    BenchResult,
    Figure,
    at_most,
    measured,
    this_machine,
)
from boxwatch.bench.watched_cost import processes_left
from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault
from boxwatch.pulse import Progress, unheard

KILLS: Final = 100
RATE: Final = 2000.0  # lines a second, half of them to the journal
CONTAINERS: Final = ("one", "two")
_PATIENCE_S: Final = 60.0  # without a new line in the store: it has what it will have
_WARM_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What is done: how often and how hard."""

    kills: int = KILLS
    seed: int = 0
    rate: float = RATE
    remote: bool = True
    containers: tuple[str, ...] = CONTAINERS
    cut_s: float = 30.0
    watched_s: float = 20.0  # after all is stored: what comes twice would come now
    settings: str = ""
    progress: Progress = field(default=unheard)

    def plan(self) -> list[Planned]:
        """The strikes."""
        kinds = tuple(Strike) if self.remote else LOCAL
        if not self.containers:
            kinds = tuple(kind for kind in kinds if kind is not Strike.DOCKERD)
        return plan(self.seed, self.kills, kinds, self.cut_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went."""

    accounts: list[verdict.Account]
    gaps: list[str]
    struck: dict[Strike, int]
    took_s: float
    caught_up_s: float
    left: list[str]  # command lines that still ran on the host for a login after the watcher ended


def run(options: BenchOptions) -> BenchResult:
    """A hundred kills over SSH; some quarter of an hour. `size` is the number of kills.

    Raises:
        EnvironmentFault: small hosts cannot be made on this machine; says why.

    """
    kills = KILLS if options.size is None else options.size
    ordeal = Ordeal(kills, options.seed, progress=options.progress)
    with Site(options.folder / "site") as site:
        outcome = endure(site, ordeal)
    return BenchResult("chaos", this_machine(), tuple(figures(outcome)))


def figures(outcome: Outcome) -> list[Figure]:
    """The figures of an outcome."""
    told = sum(account.discarded for account in outcome.accounts)
    shown: list[Figure] = []
    for account in outcome.accounts:
        shown += [
            measured(f"{account.writer}: written", account.written, "lines"),
            measured(f"{account.writer}: not kept by the origin", account.discarded, "lines"),
            at_most(f"{account.writer}: lost", account.lost, "lines", 0),
            at_most(f"{account.writer}: doubled", account.doubled, "lines", 0),
        ]
    gaps = float(len(outcome.gaps))
    return [
        *shown,
        measured("gaps told", gaps, "gaps") if told else at_most("gaps told", gaps, "gaps", 0),
        *(measured(str(kind), count, "times") for kind, count in outcome.struck.items()),
        measured("under attack", outcome.took_s, "s"),
        measured("caught up after it", outcome.caught_up_s, "s"),
        at_most("processes left on the host", len(outcome.left), "processes", 0),
    ]


def endure(site: Site, ordeal: Ordeal) -> Outcome:
    """One host of `site` and its watcher, struck as `ordeal` says."""
    host = site.add("struck", containers=bool(ordeal.containers))
    if ordeal.containers:
        load_image(host)
    collector = _collector(site, host, ordeal)
    collector.start()
    try:
        collector.wait_until_reading()
        time.sleep(_WARM_S)  # it begins where the logs end: after that all is its to keep
        with _written(host, ordeal) as written:
            began = monotonic()
            struck = _strike_all(host, collector, ordeal)
            took = monotonic() - began
        caught_up = _wait_until_stored(collector, host, ordeal)
        kept = _kept(host, ordeal)
    finally:
        collector.stop()
    counts = {**written, **verdict.ledgers(kept)}
    stored = verdict.numbered(verdict.stored_messages(collector.data))
    found = verdict.accounts(counts, verdict.numbered(kept), stored)
    gaps = verdict.gaps_told(collector.data)
    return Outcome(found, gaps, struck, took, caught_up, processes_left(host))


def _collector(site: Site, host: Host, ordeal: Ordeal) -> Collector:
    if ordeal.remote:
        settings = host_settings(site, [host], ordeal.settings)
        return Collector(site.folder / "watcher", settings, site)
    return Collector(host.folder / "home/watching", ordeal.settings, site, host)


@contextmanager
def _written(host: Host, ordeal: Ordeal) -> Iterator[dict[str, int]]:
    """Lines are written within; afterwards how many there are is known."""
    written: dict[str, int] = {}
    share = 2 if ordeal.containers else 1
    module = "boxwatch.bench.chaos.journal_writer"
    argv = host.argv(sys.executable, "-m", module, str(ordeal.rate / share))
    writer = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for name in ordeal.containers:
            run_container(host, name, ordeal.rate / share / len(ordeal.containers))
        yield written
        out, _ = writer.communicate()
        written["journal"] = int(out)
        for name in ordeal.containers:
            _stop_container(host, name)
    finally:
        writer.kill()
        writer.communicate()


def _stop_container(host: Host, name: str) -> None:
    """Stop it, once the engine answers."""
    end = monotonic() + _PATIENCE_S
    while True:
        try:
            host.run("docker", "stop", "--time=30", name)
        except EnvironmentFault:
            if monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return


def _strike_all(host: Host, collector: Collector, ordeal: Ordeal) -> dict[Strike, int]:
    planned = ordeal.plan()
    struck = dict.fromkeys(Strike, 0)
    for number, one in enumerate(planned):
        ordeal.progress(str(one.strike), number, len(planned))
        time.sleep(one.rest_s)
        strike(one, host, collector)
        struck[one.strike] += 1
    return {kind: count for kind, count in struck.items() if count}


def _kept(host: Host, ordeal: Ordeal) -> pl.Series:
    journal = verdict.kept_in_journal(host)
    return pl.concat([journal, verdict.kept_by_engine(host)]) if ordeal.containers else journal


def _wait_until_stored(collector: Collector, host: Host, ordeal: Ordeal) -> float:
    """Until the store has all lines, or got nothing new for a while; how many seconds it took."""
    lines = verdict.numbered(_kept(host, ordeal)).height
    began = since = monotonic()
    stored = -1
    while stored < lines and monotonic() - since < _PATIENCE_S:
        collector.check()
        now = verdict.stored_count(collector.data)
        ordeal.progress("waiting for the store", min(now, lines), lines)
        if now != stored:
            stored, since = now, monotonic()
        time.sleep(1.0)
    took = since - began
    time.sleep(ordeal.watched_s)
    return took
