"""From machine-days to figures: recall and delay by class, false alarms by the week."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from boxwatch.bench.faults import intervals
from boxwatch.bench.faults.classes import BY_NAME, CLASSES, FaultClass
from boxwatch.bench.faults.fault_log import FaultLog
from boxwatch.bench.faults.machine_day import Day, Injected
from boxwatch.bench.result import Figure, at_least, at_most, measured, not_measured
from boxwatch.lifecycle.intervals import wilson

RECALL: Final = 0.95
FALSE_ALARMS: Final = 1.0  # a host and week
DELAY_S: Final = 30.0  # the median of sudden faults
_WEEK_H: Final = 168.0


def figures(days: Sequence[Day], log: FaultLog) -> list[Figure]:
    """All figures of these days."""
    by_class = {
        one.name: [fault for day in days for fault in day.faults if fault.name == one.name]
        for one in CLASSES
    }
    found: list[Figure] = []
    for one in CLASSES:
        found += _of_class(one, by_class[one.name])
    return [*found, _mixed(by_class, log), *_delays(days), *_alarms(days)]


def _of_class(one: FaultClass, faults: Sequence[Injected]) -> list[Figure]:
    pace = "sudden" if one.sudden else "slow"
    if not faults:
        name = f"{one.name}: found"
        return [not_measured(name, "share", RECALL, "none of these machine-days had one")]
    delays = sorted(fault.delay_s for fault in faults if fault.delay_s is not None)
    low, high = wilson(len(delays), len(faults))
    name = f"{one.name}: found {len(delays)}/{len(faults)} ({low:.2f}-{high:.2f})"
    recall = at_least(name, len(delays) / len(faults), "share", RECALL)
    if not delays:
        return [recall]
    text = f"{one.name} ({pace}): told after, median; 90 % {_ninety(delays):.0f} s"
    return [recall, measured(text, median(delays), "s")]


def _ninety(delays: Sequence[float]) -> float:
    """The 90th percentile of sorted `delays`, one of them."""
    return delays[math.ceil(0.9 * len(delays)) - 1]


def _mixed(by_class: dict[str, list[Injected]], log: FaultLog) -> Figure:
    """The recall of a fault drawn from the log, as far as the log's faults are among ours."""
    weight = told = 0.0
    for one in CLASSES:
        faults, count = by_class[one.name], log.count(one.logged)
        if faults:
            share = sum(fault.delay_s is not None for fault in faults) / len(faults)
            weight, told = weight + count, told + count * share
    name = "found, classes weighted as in the log of real servers"
    return measured(name, told / weight if weight else math.nan, "share")


def _delays(days: Sequence[Day]) -> list[Figure]:
    found: list[Figure] = []
    for pace, sudden in (("sudden", True), ("slow", False)):
        delays = sorted(
            fault.delay_s
            for day in days
            for fault in day.faults
            if fault.delay_s is not None and BY_NAME[fault.name].sudden is sudden
        )
        name = f"{pace} faults told after, median"
        if not delays:
            found.append(not_measured(name, "s", DELAY_S if sudden else None, "none was found"))
            continue
        middle = median(delays)
        found.append(at_most(name, middle, "s", DELAY_S) if sudden else measured(name, middle, "s"))
        found.append(measured(f"{pace} faults told after, 90 %", _ninety(delays), "s"))
    return found


def _alarms(days: Sequence[Day]) -> list[Figure]:
    groups = (
        ("on days without a fault", [day for day in days if not day.faults]),
        ("beside the faults of the other days", [day for day in days if day.faults]),
    )
    found: list[Figure] = []
    for where, some in groups:
        weeks = sum(day.clear_hours for day in some) / _WEEK_H
        if weeks == 0:
            continue
        count = sum(len(day.alarms) for day in some)
        low, high = (edge / weeks for edge in intervals.of_count(count))
        span = f"{count} in {weeks:.2f} host-weeks ({low:.2f}-{high:.2f})"
        name = f"false alarms {where}: {span}"
        found.append(at_most(name, count / weeks, "a host-week", FALSE_ALARMS))
    return found
