"""Candidates that must not be let through, each spoiled in its own way, and which gate says so.

Three are trained in earnest: from faulty time too, from columns that changed places, and with every
spread turned round. That one is ten times slower is put into what was measured of it: to make a
model slow would take another kind of model, which other gates would refuse as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from boxwatch.bench.result import Figure, at_least
from boxwatch.features import VIEWS
from boxwatch.lifecycle import Evidence, Life, Limits, Selected
from boxwatch.models import Saved
from boxwatch.settings import Settings
from boxwatch.store import Layout, Ledger
from boxwatch.wiring.detector_task import TASK, DetectorTask
from boxwatch.wiring.window_files import read_windows

_SLOWER: Final = 10.0
_SPREAD: Final = "scale/spread"

Rows = Mapping[str, pl.DataFrame]
Parts = Mapping[str, Saved]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A task whose rows, models or measurements are spoiled; the rest is the true task's."""

    task: DetectorTask
    rows: Callable[[Rows], Rows] = dict
    parts: Callable[[Parts], Parts] = dict
    slower: float = 1.0
    name: str = TASK
    measured: list[Parts] = field(default_factory=list)

    def recipe(self) -> Mapping[str, Any]:
        """As the true one; named, so that the version is another one."""
        return {**self.task.recipe(), "spoiled": True}

    def select(self) -> Selected:
        """The spoiled rows."""
        selected = self.task.select()
        return replace(selected, rows=self.rows(selected.rows))

    def train(self, rows: Rows, recipe: Mapping[str, Any]) -> Parts:
        """The spoiled models."""
        trained = self.task.train(rows, recipe)
        return self.parts(trained) if recipe.get("spoiled") else trained

    def measure(self, parts: Parts, rows: Rows) -> Evidence:
        """What the true task measures; slower for the one that is measured first, the candidate."""
        found = self.task.measure(parts, rows)
        self.measured.append(parts)
        if found.row_seconds is None or len(self.measured) > 1:
            return found
        return replace(found, row_seconds=found.row_seconds * self.slower)


def figures(settings: Settings, data: Path) -> list[Figure]:
    """For each poisoned candidate whether a gate refused it that names the cause.

    Where no version is in use, a sound one is put in use by force: gates compare with it.
    """
    found = []
    true = DetectorTask(settings, data)
    _with_champion(data, true)

    def faulty(_: Rows) -> Rows:
        return {
            name: windows
            for name, view in VIEWS.items()
            if not (windows := read_windows(data, view)).is_empty()
        }

    candidates = (
        ("trained on faulty time", Spoiled(true, rows=faulty), "clean rows"),
        ("columns swapped", Spoiled(true, rows=_swapped), "columns"),
        ("scores reversed", Spoiled(true, parts=_reversed), "orientation"),
        ("10 times slower", Spoiled(true, slower=_SLOWER), "speed"),
    )
    for name, task, gate in candidates:
        refused = _refused_by(settings, data, task)
        peer = (f"refused by: {', '.join(refused) or 'no gate'}", 1.0)
        found.append(at_least(f"refused: {name}", float(gate in refused), "", 1.0, peer))
    return found


def _with_champion(data: Path, task: DetectorTask) -> None:
    folder = Layout(data).models
    with closing(Ledger.open(folder, TASK, writable=True)) as ledger:
        if ledger.holder("champion") is None:
            life = Life(task, ledger, folder)
            version = life.train().version or 0
            life.promote(version, by="the bench", why="a champion", limits=Limits(), force=True)


def _refused_by(settings: Settings, data: Path, task: Spoiled) -> list[str]:
    folder = Layout(data).models
    limits = Limits(false_alarms_per_week=settings.detections.false_alarms_per_host_week)
    with closing(Ledger.open(folder, TASK, writable=True)) as ledger:
        run = Life(task, ledger, folder).train()
        asked = Life(task, ledger, folder).promote(
            run.version or 0, by="the bench", why="poisoned", limits=limits
        )
    return list(dict.fromkeys(one.gate for one in asked.verdicts if not one.passed))


def _swapped(rows: Rows) -> Rows:
    """The first two features of each view that differ, each under the other's name."""
    found = {}
    for name, table in rows.items():
        first, last = VIEWS[name].columns[0], VIEWS[name].columns[-1]
        found[name] = table.rename({first: last, last: first}).select(table.columns)
    return found


def _reversed(parts: Parts) -> Parts:
    """What is high looks low."""
    return {
        name: Saved(
            {
                key: -array.astype(np.float64) if key == _SPREAD else array
                for key, array in saved.arrays.items()
            },
            saved.meta,
        )
        for name, saved in parts.items()
    }
