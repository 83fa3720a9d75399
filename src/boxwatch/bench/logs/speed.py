"""How fast lines become templates, as a column and one by one, on one core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.logs.peers import MASKS, Peer, PeerRun, mine
from boxwatch.bench.result import (
    BenchOptions,
    Figure,
    at_least,
    at_most,
    measured,
    not_measured,
)
from boxwatch.errors import EnvironmentFault

HDFS_PER_S: Final = 700_000.0
TIMES_DRAIN3: Final = 20.0
HEALTH_PER_S: Final = 500_000.0
HEALTH_TEMPLATES: Final = 150.0
LINE_PER_S: Final = 50_000.0

_RUNS: Final = 5


def speed(options: BenchOptions, sets: DataSets, peers: Sequence[Peer]) -> list[Figure]:
    """The figures of HDFS, of HealthApp, and of lines one by one; `size` is lines of each."""
    options.progress("templates of HDFS", 0, 3)
    figures = _hdfs(options, sets.hdfs.head(options.size or sets.hdfs.len()), peers)
    options.progress("templates of HealthApp", 1, 3)
    health = sets.health_app.head(options.size or sets.health_app.len())
    figures += _health_app(options, health, peers)
    options.progress("line by line", 2, 3)
    return [*figures, *_singly(options, sets)]


def _hdfs(options: BenchOptions, messages: pl.Series, peers: Sequence[Peer]) -> list[Figure]:
    file = _written(options.folder, messages)
    five = mine(options.folder, "columns", file, "five", str(_RUNS))
    default = mine(options.folder, "columns", file, "default", str(_RUNS))
    runs = _peer_runs(options.folder, messages, peers)
    what = f"HDFS, {len(messages):,} lines, five masks, one core"
    drain3, tipping = (runs[peer.name] for peer in peers)
    ratio = f"{what}, against drain3"
    beside = None if isinstance(drain3, str) else (peers[0].title, drain3.per_s)
    figures = [at_least(what, five["per_s"], "lines/s", HDFS_PER_S, beside)]
    if isinstance(drain3, str):
        figures.append(not_measured(ratio, "times", TIMES_DRAIN3, drain3))
    else:
        figures.append(at_least(ratio, five["per_s"] / drain3.per_s, "times", TIMES_DRAIN3))
    if isinstance(tipping, str):
        figures.append(not_measured(f"{what}, against tipping", "times", None, tipping))
    else:
        figures.append(measured(f"{peers[1].title}, the same lines", tipping.per_s, "lines/s"))
    return [
        *figures,
        measured(f"{what}, by processor time", five["per_cpu_s"], "lines/s"),
        measured(f"{what}, templates", five["templates"], "templates"),
        measured("HDFS, default masks, one core", default["per_s"], "lines/s"),
        measured("HDFS, default masks, by processor time", default["per_cpu_s"], "lines/s"),
        measured("HDFS, default masks, templates", default["templates"], "templates"),
    ]


def _health_app(options: BenchOptions, messages: pl.Series, peers: Sequence[Peer]) -> list[Figure]:
    file = _written(options.folder, messages)
    own = mine(options.folder, "columns", file, "default", str(_RUNS))
    what = f"HealthApp, {len(messages):,} lines, default masks"
    figures = [
        at_least(f"{what}, one core", own["per_s"], "lines/s", HEALTH_PER_S),
        measured(f"{what}, by processor time", own["per_cpu_s"], "lines/s"),
        at_most(f"{what}, templates", own["templates"], "templates", HEALTH_TEMPLATES),
    ]
    for title, masks in (("five masks", MASKS), ("no masks", ())):
        for name, done in _peer_runs(options.folder, messages, peers, masks).items():
            said = f"HealthApp, {name}, {title}"
            if isinstance(done, str):
                figures.append(not_measured(said, "lines/s", None, done))
            else:
                figures.append(measured(f"{said}", done.per_s, "lines/s"))
                figures.append(measured(f"{said}, templates", done.clusters, "templates"))
    return figures


def _singly(options: BenchOptions, sets: DataSets) -> list[Figure]:
    """The slowest of all sets."""
    corpora = {"HDFS": sets.hdfs, "HealthApp-20000": sets.health_app}
    corpora |= {f"{system.name} 2k": system.messages for system in sets.systems}
    runs = 2 if options.size is None else 1
    rates = {}
    for name, messages in corpora.items():
        file = _written(options.folder, messages.head(options.size or messages.len()))
        done = [mine(options.folder, "singly", file) for _ in range(runs)]
        rates[name] = max(done, key=lambda one: one["per_s"])
    slowest = min(rates, key=lambda name: rates[name]["per_s"])
    rate = rates[slowest]
    return [
        at_least(f"line by line, slowest set ({slowest})", rate["per_s"], "lines/s", LINE_PER_S),
        measured("line by line, that set, by processor time", rate["per_cpu_s"], "lines/s"),
        measured("line by line, HDFS", rates["HDFS"]["per_s"], "lines/s"),
    ]


def _peer_runs(
    folder: Path, messages: pl.Series, peers: Sequence[Peer], masks: Sequence[str] = MASKS
) -> dict[str, PeerRun | str]:
    """What each peer did; where it is absent, failed or took too long, that in words."""
    done: dict[str, PeerRun | str] = {}
    for peer in peers:
        try:
            done[peer.name] = peer.absent if peer.absent else peer.run(messages, folder, masks)
        except EnvironmentFault as error:
            done[peer.name] = str(error)
    return done


def _written(folder: Path, messages: pl.Series) -> str:
    path = folder / "messages.parquet"
    messages.to_frame("message").write_parquet(path)
    return str(path)
