"""Accuracy over labelled tables: one configuration for all machines of all sets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.bench.detectors.existing import row_scores, seen_before
from boxwatch.bench.detectors.recall import chance, event_recall, explained, false_alarms_per_day
from boxwatch.bench.detectors.tables import Labelled, TableSet, read
from boxwatch.bench.detectors.volume import period, vus_pr
from boxwatch.bench.result import Figure, at_least, at_most, measured, not_measured
from boxwatch.detections import alarms, fit_table, judge

DAY: Final = 1.0
WEEK: Final = 1.0 / 7.0
_FIXED_WINDOW: Final = 100
TARGETS: Final = {"SMD": 0.72, "ASD": 0.52}
RECALLS: Final = {"SMD": 0.90, "ASD": 0.80}

Scores = Mapping[str, NDArray[np.float64]]


@dataclass(slots=True)
class Tally:
    """What was measured on the machines of one set, in their order."""

    kind: TableSet
    names: list[str] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    fixed: list[float] = field(default_factory=list)
    rest: dict[str, list[float]] = field(default_factory=dict)
    peers: dict[str, list[float]] = field(default_factory=dict)
    recall: dict[float, list[tuple[int, int]]] = field(default_factory=dict)
    false: dict[float, list[float]] = field(default_factory=dict)
    reasons: list[tuple[int, int]] = field(default_factory=list)
    blind: list[float] = field(default_factory=list)
    repeated: list[float] = field(default_factory=list)
    points: int = 0
    seconds: float = 0.0

    def add(self, path: Path, peers: Scores, seed: int) -> None:
        """Measure one machine."""
        machine = read(path)
        window = period(machine.test[:, 0])
        self.names.append(machine.name)
        model = fit_table(machine.train, seed)
        began = time.perf_counter()
        judged = judge(model, machine.test)
        self.seconds += time.perf_counter() - began
        self.points += machine.test.size
        score = judged.score.astype(np.float64)
        self.ours.append(vus_pr(score, machine.label, window))
        self.fixed.append(vus_pr(score, machine.label, _FIXED_WINDOW))
        for table, scores in (
            (self.rest, row_scores(machine.train, machine.test, seed)),
            (self.peers, peers),
        ):
            for name, one in scores.items():
                table.setdefault(name, []).append(vus_pr(one, machine.label, window))
        self.repeated.append(seen_before(machine.train, machine.test))
        for budget in (DAY, WEEK):
            alarm = alarms(model, judged.score, budget, self.kind.interval_s)
            self._alarms(machine, alarm, budget)
            if budget == DAY:
                shares = judged.shares[:, :-1]
                self.reasons.append(explained(shares, alarm, machine.label, machine.truth))
                self.blind += chance(machine.test.shape[1], machine.truth).tolist()

    def _alarms(self, machine: Labelled, alarm: NDArray[np.bool_], budget: float) -> None:
        label = machine.label
        self.recall.setdefault(budget, []).append(event_recall(alarm, label))
        rate = false_alarms_per_day(alarm, label, self.kind.interval_s)
        self.false.setdefault(budget, []).append(rate)

    def figures(self, absent: str) -> Iterator[Figure]:
        """The figures of the set; `absent` says why there are no peers."""
        yield from self._volumes(absent)
        yield from self._budgets()
        if sum(found for _, found in self.reasons) > 0:
            hits, found = (sum(column) for column in zip(*self.reasons, strict=True))
            name = f"{self.kind.name}: a labelled metric among the first three"
            yield at_least(name, hits / found, "share", 0.8, ("drawn blindly", fmean(self.blind)))
        rate = self.points / self.seconds
        yield measured(f"{self.kind.name}: readings judged and explained", rate, "points/s")
        yield measured(f"{self.kind.name}: test rows seen in training", fmean(self.repeated), "")

    def _volumes(self, absent: str) -> Iterator[Figure]:
        name = f"{self.kind.name}: VUS-PR, mean of {len(self.ours)}"
        mean = fmean(self.ours)
        means = {peer: fmean(values) for peer, values in self.peers.items()}
        best = max(means.items(), key=lambda item: item[1], default=None)
        target = TARGETS.get(self.kind.name)
        if target is None and best is not None:
            target = 1.05 * best[1]
        if target is None:
            yield not_measured(name, "", None, absent)
        else:
            yield at_least(name, mean, "", target, best)
        yield measured(f"{name}, slopes up to {_FIXED_WINDOW}", fmean(self.fixed), "")
        for which, chosen in (("chosen by", True), ("only checked", False)):
            some = [
                value
                for one, value in zip(self.names, self.ours, strict=True)
                if (one in self.kind.choosing) is chosen
            ]
            if some:
                yield measured(f"{name}, machines {which}", fmean(some), "")
        for other, value in sorted(
            {**means, **{f"own {k}": fmean(v) for k, v in self.rest.items()}}.items(),
            key=lambda item: -item[1],
        ):
            yield measured(f"{name}, {other}", value, "")

    def _budgets(self) -> Iterator[Figure]:
        for budget, words in ((DAY, "1/day"), (WEEK, "1/week")):
            hits, all_ = (sum(column) for column in zip(*self.recall[budget], strict=True))
            name = f"{self.kind.name}: event recall at {words}"
            if budget == DAY and self.kind.name in RECALLS:
                yield at_least(name, hits / all_, "share", RECALLS[self.kind.name])
                false = fmean(self.false[budget])
                yield at_most(f"{self.kind.name}: false alarms at {words}", false, "a day", 2.0)
            else:
                yield measured(name, hits / all_, "share")
            rates = [rate / budget for rate in self.false[budget]]
            for which, ratio in (("mean", fmean(rates)), ("median", float(np.median(rates)))):
                yield measured(f"{self.kind.name}: false alarms over {words}, {which}", ratio, "")
