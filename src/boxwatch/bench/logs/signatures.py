"""All known-failure signatures over ordinary lines: how fast, and what they hit in vain."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Final

import polars as pl

from boxwatch.bench.footprint import cores, run
from boxwatch.bench.logs.data_sets import DataSets, System
from boxwatch.bench.result import BenchOptions, Figure, at_least, at_most, measured
from boxwatch.detections.known import RULES

PER_S: Final = 300_000.0
LINES: Final = 1_000_000

# Hits that a person has looked at and found to be what their rule says: set and rule.
REAL: Final = frozenset(
    {
        ("Hadoop", "no-route"),  # java.net.NoRouteToHostException: No Route to Host
    }
)
_SHOWN: Final = 70  # characters of a line


def signatures(options: BenchOptions, sets: DataSets) -> list[Figure]:
    """Lines a second through all rules, and the lines of the 2k sets that any pattern matches.

    Every pattern is held against every line, whoever may write what the rule is about.
    """
    lines = options.size or LINES
    options.progress("known failures", 0, 2)
    file = options.folder / "messages.parquet"
    sets.all_messages().to_frame("message").write_parquet(file)
    argv = (sys.executable, "-m", "boxwatch.bench.logs.signing", str(file), str(lines))
    with cores(1):
        done = json.loads(run(argv, options.folder, threads=1).output)
    options.progress("known failures", 1, 2)
    hits = [hit for system in sets.systems for hit in _hits(system)]
    wrong = sum(found.len() for system, rule, found in hits if (system, rule) not in REAL)
    patterns = len({rule.pattern for rule in RULES.values() if rule.pattern})
    what = f"{lines:,} lines"
    return [
        at_least(f"{what} through all rules, one core", done["per_s"], "lines/s", PER_S),
        measured(f"{what} through all rules, by processor time", done["per_cpu_s"], "lines/s"),
        measured("patterns", patterns, "patterns"),
        at_most(f"hits in {len(sets.systems)} 2k sets that are no such failure", wrong, "lines", 0),
        *(_shown(system, rule, found) for system, rule, found in hits),
    ]


def _hits(system: System) -> Iterator[tuple[str, str, pl.Series]]:
    """Rule by rule, the lines that its pattern matches; a pattern that rules share counts once."""
    patterns = {rule.pattern: name for name, rule in RULES.items() if rule.pattern}
    for pattern, name in patterns.items():
        found = system.messages.filter(system.messages.str.contains(pattern))
        if found.len():
            yield system.name, name, found


def _shown(system: str, rule: str, found: pl.Series) -> Figure:
    kind = "as it says" if (system, rule) in REAL else "in vain"
    return measured(f"hit in {system} by {rule}, {kind}: {found[0][:_SHOWN]}", found.len(), "lines")
