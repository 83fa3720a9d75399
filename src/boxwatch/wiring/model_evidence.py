"""What a version is worth on kept rows: measured again, and counted by view and strength."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from boxwatch.lifecycle import Evidence
from boxwatch.settings import Settings
from boxwatch.store import Layout, Ledger, Run, load_model, load_rows
from boxwatch.wiring.detector_task import TASK, DetectorTask

Rows = Mapping[str, pl.DataFrame]


@contextmanager
def ledger_of(data: Path) -> Iterator[Ledger]:
    """The ledger, to read; where nothing was trained there is none, and none is made."""
    ledger = Ledger.open(Layout(data).models, TASK, writable=False)
    try:
        yield ledger
    finally:
        ledger.close()


def kept_rows(data: Path, run: Run) -> Rows:
    """The rows that `run` learned from and was judged by.

    Raises:
        StoreError: they were removed.
    """
    names: Mapping[str, Any] = run.selection["rows"]
    return {part: load_rows(Layout(data).models, name) for part, name in names.items()}


def measured(settings: Settings, data: Path, run: Run, rows: Rows) -> Evidence:
    """What the models of `run` do on the last tenth of `rows`."""
    parts = {part: load_model(Layout(data).models, name) for part, name in run.parts.items()}
    return DetectorTask(settings, data).measure(parts, rows)


def by_strength(evidence: Evidence) -> dict[tuple[str, str], tuple[int, int]]:
    """How many injected faults were found of how many, by view and strength."""
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for case, share in evidence.quality.items():
        view, strength = case.split(" ")[0], case.rpartition(" x")[2]
        found, of = counts.get((view, strength), (0, 0))
        trials = evidence.trials[case]
        counts[view, strength] = (found + round(share * trials), of + trials)
    return counts


def flat(tree: Mapping[str, Any], at: str = "") -> dict[str, str]:
    """The leaves of a tree of settings by their paths, as texts."""
    leaves: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= flat(value, f"{at}{key}.")
        else:
            leaves[f"{at}{key}"] = f"{value:.4g}" if isinstance(value, float) else str(value)
    return leaves
