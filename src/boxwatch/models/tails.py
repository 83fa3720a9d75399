"""What is known of one feature at a time: where its training values lie, and how far beyond is far.

A value outside all of training is at least as rare as any within; how rare, the training values
cannot say. So that farther out is still stranger, a value's rarity goes on to grow there with the
logarithm of its distance: as for a tail that falls off as 1 / distance, the heaviest that is common
in readings of machines.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.models.matrix import Float64

KEPT: Final = 1001  # values that stand for a feature's training values
_TINY: Final = 1e-9


def kept_values(rows: Float64) -> Float64:
    """The values that stand for training, rising, shape (values, features): least and most too."""
    ordered = np.sort(rows, axis=0)
    if len(ordered) <= KEPT:
        return ordered
    return ordered[np.linspace(0, len(ordered) - 1, KEPT).round().astype(np.int64)]


def usual_width(ordered: Float64) -> Float64:
    """The width of each feature's middle 90 %; of all of it where that is none; else 1."""
    last = len(ordered) - 1
    middle = ordered[round(0.95 * last)] - ordered[round(0.05 * last)]
    whole = ordered[-1] - ordered[0]
    return np.where(middle > _TINY, middle, np.where(whole > _TINY, whole, 1.0))


def beyond(x: Float64, low: Float64, high: Float64, width: Float64) -> Float64:
    """log(1 + distance from [low, high] in widths): 0 within, per value of (rows, features)."""
    out = np.maximum(low - x, x - high)
    return np.asarray(np.log1p(np.maximum(out, 0.0) / width), dtype=np.float64)
