"""VUS-PR: the volume under the precision-recall surface, as TSB-AD measures it.

Paparrizos and others, "Volume under the surface: a new accuracy evaluation measure for time-series
anomaly detection", PVLDB 15 (2022); Liu and Paparrizos, "The elephant in the room: towards a
reliable time-series anomaly detection benchmark", NeurIPS 2024 (TSB-AD 1.5). Labels are widened on
both sides by a slope of every length up to a window; a recall counts more the more anomalies it
touches; thresholds are 250 quantiles of the scores. Nothing is adjusted by what was found.

The same figures as TSB-AD's `generate_curve` gives, some hundred times as fast: what a threshold
includes is summed once for all of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Labels = NDArray[np.bool_]

THRESHOLDS: Final = 250
_DEFAULT_WINDOW: Final = 125
_LAGS: Final = 400
_FIRST_LAG: Final = 3
_LONGEST: Final = 300
_ROWS: Final = 20_000


def vus_pr(score: Float64, label: Labels, window: int) -> float:
    """The mean area under the range precision-recall curve, over slopes of 0 to `window` rows.

    Args:
        score: Shape (rows,), higher = stranger.
        label: Which rows are anomalous; at least one is.
        window: The longest slope; TSB-AD takes `period` of the first metric.
    """
    rows = len(score)
    ordered = np.sort(score)
    at = np.linspace(0, rows - 1, THRESHOLDS).astype(np.int64)
    thresholds = ordered[::-1][at]
    found = rows - np.searchsorted(ordered, thresholds, side="left")
    first = np.searchsorted(-thresholds, -score, side="left")  # threshold that first includes it
    core = _summed(first[label], np.ones(int(label.sum())))
    areas = []
    for length in range(window + 1):
        slope = _slope(label, length)
        beside = np.flatnonzero(slope)
        margin = _summed(first[beside], slope[beside])
        true = core + margin
        recall = np.minimum(true / ((2.0 * label.sum() + margin) / 2.0), 1.0)
        recall *= _touched(first, label, length)
        areas.append(float(np.sum(np.diff(recall, prepend=0.0) * true / found)))
    return float(np.mean(areas))


def period(values: Float64) -> int:
    """The lag of the highest peak of the autocorrelation, as TSB-AD's `find_length_rank` has it.

    125 where there is no peak between 6 and 303 rows.
    """
    x = values[:_ROWS] - values[:_ROWS].mean()
    spectrum = np.fft.rfft(x, 2 * len(x))
    power = np.fft.irfft(spectrum * np.conj(spectrum))[: _LAGS + 1]
    if power[0] <= 0.0:
        return _DEFAULT_WINDOW
    near = power[_FIRST_LAG:] / power[0]
    peaks = np.flatnonzero((near[1:-1] > near[:-2]) & (near[1:-1] > near[2:])) + 1
    if len(peaks) == 0:
        return _DEFAULT_WINDOW
    best = int(peaks[np.argmax(near[peaks])])
    return best + _FIRST_LAG if _FIRST_LAG <= best <= _LONGEST else _DEFAULT_WINDOW


def events(label: Labels) -> list[tuple[int, int]]:
    """First and last row of each labelled stretch."""
    edge = np.diff(label.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _summed(first: NDArray[np.integer], weight: Float64) -> Float64:
    """How much weight each threshold includes."""
    counted = np.bincount(first, weights=weight, minlength=THRESHOLDS)[:THRESHOLDS]
    return np.asarray(np.cumsum(counted), dtype=np.float64)


def _slope(label: Labels, length: int) -> Float64:
    """What rows beside an event count for: sqrt(1 - distance / length) up to half the length."""
    rows, half = len(label), length // 2
    slope = np.zeros(rows)
    if half == 0:
        return slope
    fall = np.sqrt(1.0 - np.arange(1, half + 1) / length)
    for start, end in events(label):
        after = min(half, rows - 1 - end)
        slope[end + 1 : end + 1 + after] += fall[:after]
        ahead = min(half, start)
        slope[start - ahead : start] += fall[:ahead][::-1]
    slope = np.minimum(slope, 1.0)
    slope[label] = 0.0
    return slope


def _touched(first: NDArray[np.integer], label: Labels, length: int) -> Float64:
    """The share of events, widened and merged where they meet, that each threshold touches."""
    half = length // 2
    merged: list[tuple[int, int]] = []
    for start, end in events(label):
        if merged and merged[-1][1] >= start - half:
            merged[-1] = (merged[-1][0], end + half)
        else:
            merged.append((max(start - half, 0), end + half))
    earliest = np.array([first[start : end + 1].min() for start, end in merged])
    return _summed(earliest, np.ones(len(merged))) / len(merged)
