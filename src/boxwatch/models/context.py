"""Temporal context: how each reading moved over the last while, at several scales at once.

A server that is busy is ordinary and one that is idle is ordinary, but not every way from the one
to the other. So a row is put beside what came before it: the mean of the last 32 rows, and how the
mean of each half differs from the whole, down to the row itself. These are the differences of a
Haar wavelet (Haar, Mathematische Annalen 1910), taken at every row and only backwards in time:

    m32, m16 - m32, m8 - m16, m4 - m8, m2 - m4, x - m2.

Six times as many columns see as far back as 32 lagged copies would. Means of 2k rows are made of
two means of k rows, so a row comes out the same to the bit alone as in a batch.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.detector import Matrix

LEVELS: Final = 5
SPAN: Final = 1 << LEVELS  # rows that a row is judged with, itself included
SCALES: Final = LEVELS + 1


def in_context(stretches: NDArray[np.floating]) -> Matrix:
    """Each row with its past, shape (rows, features * `SCALES`).

    Args:
        stretches: Standardised rows, each with the `SPAN` - 1 before it, newest last: shape (rows,
            `SPAN`, features). NaN counts as the usual value 0. Where fewer rows are known, the
            oldest known one stands for those before it (`detections.past` sees to that).
    """
    mean = np.nan_to_num(stretches.astype(np.float64), nan=0.0)
    parts = []
    for _ in range(LEVELS):
        finer = mean[:, -1]
        mean = 0.5 * (mean[:, 1::2] + mean[:, 0::2])
        parts.append(finer - mean[:, -1])
    parts.append(mean[:, -1])
    return np.hstack(parts[::-1]).astype(np.float32)


def run_in_context(rows: NDArray[np.floating]) -> Matrix:
    """As `in_context`, to the bit, for rows that follow one another, five times as fast.

    Args:
        rows: Standardised rows (`SPAN` - 1 + rows, features): the first `SPAN` - 1 are the past of
            the first that is put in context.
    """
    mean = np.nan_to_num(rows.astype(np.float64), nan=0.0)
    count = len(mean) - SPAN + 1
    parts = []
    for level in range(LEVELS):
        finer = mean
        mean = 0.5 * (finer[1 << level :] + finer[: -(1 << level)])
        parts.append((finer[1 << level :] - mean)[-count:])
    parts.append(mean[-count:])
    return np.hstack(parts[::-1]).astype(np.float32)


def per_feature(shares: Matrix) -> Matrix:
    """Contributions of columns in context, (rows, features * `SCALES`), summed per feature."""
    features = shares.shape[1] // SCALES
    summed = shares.reshape(len(shares), SCALES, features).sum(axis=1, dtype=np.float64)
    return np.asarray(summed, dtype=np.float32)
