"""The score of the Numenta Anomaly Benchmark, standard profile.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark",
ICMLA 2015; scoring as in NAB 1.1. Each labelled window counts once, the more the earlier it is
found; each row reported outside costs, the less the sooner after a window. 0 is a detector that
reports nothing, 100 one that reports each window at its first row. One threshold for all files; NAB
chooses the one that scores best, so that figure is an oracle's, as on its own scoreboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

FALSE_WEIGHT: Final = 0.11  # of the standard profile; found and missed windows weigh 1
PROBATION: Final = 0.15
_PROBATION_ROWS: Final = 5_000  # of which at most that share is ignored
_FAR: Final = 3.0  # window lengths behind a window, from which a false report costs all


@dataclass(frozen=True, slots=True)
class Series:
    """One file: a score for each row, and the first and last row of each window."""

    score: Float64
    windows: Sequence[tuple[int, int]]


def probation(rows: int) -> int:
    """How many rows from the first are for learning and do not count."""
    return int(min(PROBATION * rows, PROBATION * _PROBATION_ROWS))


def nab_score(series: Sequence[Series], threshold: float) -> float:
    """The score of reporting every row that scores at least `threshold`; at most 100."""
    raw = sum(_raw(one, threshold) for one in series)
    windows = sum(len(_counted(one)) for one in series)
    return 100.0 * (raw + windows) / (2.0 * windows)


def best_threshold(series: Sequence[Series], candidates: int = 400) -> float:
    """The threshold with the best score, of so many quantiles of all scores: an oracle's choice."""
    scores = np.concatenate([one.score[probation(len(one.score)) :] for one in series])
    ranks = np.unique(np.geomspace(1, len(scores), candidates).astype(np.int64)) - 1
    levels = np.unique(np.sort(scores)[::-1][ranks])
    return float(max(levels, key=lambda level: nab_score(series, float(level))))


def _counted(one: Series) -> list[tuple[int, int]]:
    first = probation(len(one.score))
    return [window for window in one.windows if window[1] >= first]


def _raw(one: Series, threshold: float) -> float:
    rows = len(one.score)
    reported = one.score >= threshold
    reported[: probation(rows)] = False
    place = np.full(rows, _FAR)
    within = np.zeros(rows, bool)
    for start, end in one.windows:
        after = np.arange(end + 1, rows)
        place[after] = (after - end) / max(end - start, 1)
        within[start : end + 1] = True
    total = float((FALSE_WEIGHT * _sigmoid(place[reported & ~within])).sum())
    best = float(_sigmoid(np.array([-1.0]))[0])
    for start, end in _counted(one):
        found = np.flatnonzero(reported[start : end + 1])
        if len(found) == 0:
            total -= 1.0
        else:
            position = -(end - start - found[0] + 1) / (end - start + 1)
            total += float(_sigmoid(np.array([position]))[0]) / best
    return total


def _sigmoid(place: Float64) -> Float64:
    """From nearly 1 at the first row of a window over 0 at its end to -1 far behind it."""
    value = 2.0 / (1.0 + np.exp(5.0 * place)) - 1.0
    return np.where(place >= _FAR, -1.0, value)
