"""Faults put into ordinary readings, so that a classifier can be shown some.

Hardly anybody has labels of faults. What faults do to readings is known in its kinds: they jump,
drift, stand still, scatter, or come in bursts, and some metrics do so at once. Here each kind is
put into stretches of rows that were ordinary, with sizes from barely visible to gross.

A classifier that is shown each row only once, with or without a fault, learns at what load the
faults happened to come. So show it the same rows several times, with faults of several seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.models.classifier import Labels, Occasions
from boxwatch.models.detector import Matrix
from boxwatch.models.matrix import Float64

KINDS: Final = ("jump", "drift", "stuck", "scatter", "bursts")
LONGEST: Final = 64  # rows of one fault
SHORTEST: Final = 4
_PERIOD: Final = 3 * LONGEST  # rows from one fault to the next, on average
_MOST_FAULTS: Final = 1 << 32  # of one seed
_SMALL: Final = 0.25  # of a metric's usual width
_LARGE: Final = 2.0
_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Injected:
    """Rows with faults in them, which rows have one, and the occasion that each belongs to.

    A fault is an occasion of its own, whatever the seed; ordinary rows of one time are one occasion
    under all seeds (`models.Classifier`).
    """

    x: Matrix
    fault: Labels
    occasion: Occasions


def inject(x: Matrix, seed: int) -> Injected:
    """Put faults into about a sixth of `x`, standardised rows in the order of time.

    Unknown readings stay unknown. Deterministic in `x` and `seed` (0 or more); `x` is left alone.
    """
    rng = np.random.default_rng(seed)
    rows = x.astype(np.float64)
    fault = np.zeros(len(x), bool)
    occasion = np.arange(len(x)) // _PERIOD
    width = _width(rows)
    number, at = (seed + 1) * _MOST_FAULTS, int(rng.integers(SHORTEST, _PERIOD))
    while at < len(x):
        length = int(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST + 1))))
        part = slice(at, at + length)
        rows[part] = _faulty(rows[part], width, rng)
        fault[part] = True
        occasion[part] = number
        number += 1
        at += length + int(rng.integers(SHORTEST, 2 * _PERIOD))
    return Injected(rows.astype(np.float32), fault, occasion)


def _width(rows: Float64) -> Float64:
    """The width of each metric's middle 98 %; for one that never moves, that of the others."""
    known = np.where(np.isnan(rows), 0.0, rows)
    low, high = np.quantile(known, (0.01, 0.99), axis=0) if len(known) else np.zeros((2, 1))
    width = high - low
    moves = width > _TINY
    usual = float(np.median(width[moves])) if moves.any() else 1.0
    return np.where(moves, width, usual)


def _faulty(rows: Float64, width: Float64, rng: np.random.Generator) -> Float64:
    metrics = rows.shape[1]
    hit = rng.choice(metrics, int(rng.integers(1, max(metrics // 3, 1) + 1)), replace=False)
    size = np.exp(rng.uniform(np.log(_SMALL), np.log(_LARGE), len(hit)))
    moved = size * width[hit] * rng.choice([-1.0, 1.0], len(hit))
    part = rows[:, hit]
    length = len(rows)
    match KINDS[int(rng.integers(len(KINDS)))]:
        case "jump":
            part = part + moved
        case "drift":
            part = part + moved * np.linspace(0.0, 2.0, length)[:, None]
        case "stuck":
            part = np.repeat(part[:1] + moved, length, axis=0)
        case "scatter":
            part = part + moved * rng.standard_normal((length, len(hit)))
        case _:
            part = part + 2.0 * moved * (rng.random((length, 1)) < 0.3)
    changed = rows.copy()
    changed[:, hit] = part
    return changed
