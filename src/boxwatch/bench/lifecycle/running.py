"""`boxwatch bench lifecycle`: three weeks, a change of workload, faults throughout; the story."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch import wiring
from boxwatch.bench.demo import Score
from boxwatch.bench.lifecycle import poison
from boxwatch.bench.lifecycle.weeks import BUSIER, SAMPLED_S, Weeks, live_through, settings_of
from boxwatch.bench.result import (
    BenchOptions,
    BenchResult,
    Figure,
    at_least,
    at_most,
    measured,
    not_measured,
    this_machine,
)
from boxwatch.clock import monotonic
from boxwatch.store import Layout, Ledger, load_rows

_DAYS: Final = 21
_DRIFT_H: Final = 12.0
_RECALL: Final = 0.9
_SWITCH_S: Final = 1.0
_LIST_S: Final = 1.0
_VERSIONS: Final = 1000
_HOUR: Final = timedelta(hours=1)


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; `size` is the number of days, three weeks by default."""
    days = _DAYS if options.size is None else max(options.size, 3)
    data = options.folder / "weeks"
    data.mkdir()
    weeks = live_through(data, days, options.seed, options.progress)
    figures = [
        *_drift(weeks),
        *_faults(weeks, data),
        *_switch(weeks),
        *poison.figures(settings_of(data), data),
        _listing(data),
    ]
    return BenchResult("lifecycle", this_machine(), tuple(figures), tuple(_story(weeks)))


def _drift(weeks: Weeks) -> list[Figure]:
    drifts = [one for one in weeks.lessons if one.cause == "drift"]
    early = [one for one in drifts if one.began < weeks.changed]
    late = [one for one in drifts if one.began >= weeks.changed]
    taken = [
        one
        for one in weeks.lessons
        if one.began >= weeks.changed and " is in use" in one.outcome and late
    ]
    name = "drift found after the change"
    found = not_measured(name, "h", _DRIFT_H, "it was not found")
    if late:
        found = at_most(name, (late[0].began - weeks.changed) / _HOUR, "h", _DRIFT_H)
    promoted = not_measured("promoted without a person after the change", "h", None, "none was")
    if taken:
        after = (taken[0].began - weeks.changed) / _HOUR
        promoted = measured("promoted without a person after the change", after, "h")
    return [
        found,
        at_most("drift alarms before the change", len(early), "", 0),
        promoted,
        at_least("versions promoted after the change", len(taken), "", 1),
    ]


def _faults(weeks: Weeks, data: Path) -> list[Figure]:
    truth = weeks.truth
    score = Score.of(truth, wiring.incidents(data))
    missed = {id(fault) for fault in score.missed}

    def share(after: bool) -> float:
        chosen = [one for one in truth if (one.start >= weeks.changed) is after]
        return sum(id(one) not in missed for one in chosen) / max(len(chosen), 1)

    alarms = sum(one.start >= weeks.changed for one in score.false_alarms)
    span = (truth.end - weeks.changed) / timedelta(days=7)
    before = len(score.false_alarms) - alarms
    return [
        measured("faults found before the change", share(after=False), "share"),
        at_least("faults found after the change", share(after=True), "share", _RECALL),
        measured("false alarms before the change", before, ""),
        at_most("false alarms after the change", alarms / span, "a week", 1.0),
        _learned_faults(weeks, data),
    ]


def _learned_faults(weeks: Weeks, data: Path) -> Figure:
    """Of the rows that versions learned from, those of an entity while a fault was in it."""
    rows = within = 0
    folder = Layout(data).models
    with closing(Ledger.open(folder, "detectors", writable=False)) as ledger:
        runs = ledger.runs()
    for run in runs:
        for name in run.selection["rows"].values():
            table = load_rows(folder, name)
            rows += table.height
            faulty = [
                pl.col("entity").is_in(fault.entities)
                & (pl.col("start") < fault.end)
                & (pl.col("end") > fault.start)
                for fault in weeks.truth
            ]
            within += table.filter(pl.any_horizontal(faulty)).height
    share = within / max(rows, 1)
    return measured("rows learned from within a fault of their entity", share, "share")


def _switch(weeks: Weeks) -> list[Figure]:
    name = "a champion taken up, between two turns"
    if not weeks.switches_s:
        return [not_measured(name, "s", _SWITCH_S, "no champion was taken up")]
    return [at_most(name, max(weeks.switches_s), "s", _SWITCH_S)]


def _listing(data: Path) -> Figure:
    """`models list` where there are a thousand versions."""
    copy = data.with_name("many")
    shutil.copytree(Layout(data).models, Layout(copy).models)
    ledger = Ledger.open(Layout(copy).models, "detectors", writable=True)
    run = ledger.version(1)
    while len(ledger.runs()) < _VERSIONS:
        for _ in range(_VERSIONS // 2):
            ledger.finish(ledger.begin(run.recipe, run.selection), run.parts, {})
    ledger.close()
    began = monotonic()
    count = len(wiring.versions(copy))
    return at_most(f"`models list` of {count} versions", monotonic() - began, "s", _LIST_S)


def _story(weeks: Weeks) -> list[str]:
    told = [
        f"{weeks.days} simulated days, readings every {SAMPLED_S} s, all lines; "
        f"{BUSIER:g} times the demand from {weeks.changed:%a %d %b %H:%M} on; "
        f"{len(weeks.truth)} faults. Load of this machine: {os.getloadavg()[0]:.1f}."
    ]
    told += [
        f"{one.began:%a %d %b %H:%M}  {one.cause}: {one.why} -> {one.outcome}"
        for one in weeks.lessons
    ]
    return told
