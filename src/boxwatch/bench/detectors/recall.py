"""Events found, false alarms, and whether the reasons given are the right ones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.bench.detectors.volume import Labels, events
from boxwatch.models import Matrix

BRIDGED: Final = 10  # rows between alarms that belong to one occasion
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0


def event_recall(alarm: Labels, label: Labels) -> tuple[int, int]:
    """How many labelled events hold an alarm, and how many there are. Nothing is adjusted."""
    found = [bool(alarm[start : end + 1].any()) for start, end in events(label)]
    return sum(found), len(found)


def false_alarms_per_day(alarm: Labels, label: Labels, interval_s: float) -> float:
    """False alarms per normal day: an occasion counts once, and again for every hour it goes on.

    An occasion is a run of alarms outside events, `BRIDGED` rows without one being bridged. The
    hours keep an alarm that never ends from counting as a single one.
    """
    rows = np.flatnonzero(alarm & ~label)
    days = float((~label).sum()) * interval_s / _DAY
    if len(rows) == 0 or days == 0.0:
        return 0.0
    breaks = np.flatnonzero(np.diff(rows) > BRIDGED)
    first = rows[np.append(0, breaks + 1)]
    last = rows[np.append(breaks, len(rows) - 1)]
    return float(np.ceil((last - first + 1) * interval_s / _HOUR).sum()) / days


def explained(
    shares: Matrix, alarm: Labels, label: Labels, truth: list[tuple[int, int, frozenset[int]]]
) -> tuple[int, int]:
    """How many found events name a labelled metric among their first three, and how many were.

    Args:
        shares: What each metric adds (rows, metrics).
        alarm: Which rows are alarms; the shares of an event are those of its alarms, summed.
        label: Which rows are anomalous.
        truth: First row, last row and the metrics (from 0) of each explained event.
    """
    hits = found = 0
    for start, end, metrics in truth:
        rows = np.arange(start, min(end + 1, len(label)))
        rows = rows[alarm[rows]]
        if len(rows) == 0:
            continue
        found += 1
        top = np.argsort(-shares[rows].sum(axis=0), kind="stable")[:3]
        hits += bool(metrics & set(top.tolist()))
    return hits, found


def chance(metrics: int, truth: list[tuple[int, int, frozenset[int]]]) -> NDArray[np.float64]:
    """For each explained event, the chance of three metrics drawn blindly to hit one."""
    missed = [
        np.prod([(metrics - len(one) - drawn) / (metrics - drawn) for drawn in range(3)])
        for _, _, one in truth
    ]
    return np.asarray(1.0 - np.maximum(missed, 0.0), dtype=np.float64)
