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

from boxwatch.models.detector import Matrix

LEVELS: Final = 5
SPAN: Final = 1 << LEVELS  # rows that a row is judged with, itself included
SCALES: Final = LEVELS + 1


def in_context(x: Matrix, before: Matrix | None = None) -> Matrix:
    """Each row with its past, shape (rows, features * `SCALES`).

    Args:
        x: Standardised rows (rows, features) in the order of time; NaN counts as the usual value 0.
        before: The rows that came before, newest last; the last `SPAN` - 1 of them matter. Where
            fewer are known, the oldest known row stands for those before it.
    """
    rows = np.nan_to_num(x.astype(np.float64), nan=0.0)
    if len(rows) == 0:
        return np.empty((0, x.shape[1] * SCALES), np.float32)
    past = np.empty((0, x.shape[1]))
    if before is not None:
        past = np.nan_to_num(before[-(SPAN - 1) :].astype(np.float64), nan=0.0)
    known = np.vstack([past, rows])
    missing = SPAN - 1 - len(past)
    mean = np.vstack([np.repeat(known[:1], missing, axis=0), known])
    parts = []
    for level in range(LEVELS):
        finer = mean
        shifted = finer[: -(1 << level)]
        mean = 0.5 * (finer[1 << level :] + shifted)
        parts.append((finer[1 << level :] - mean)[-len(rows) :])
    parts.append(mean[-len(rows) :])
    return np.hstack(parts[::-1]).astype(np.float32)


def per_feature(shares: Matrix) -> Matrix:
    """Contributions of columns in context, (rows, features * `SCALES`), summed per feature."""
    features = shares.shape[1] // SCALES
    summed = shares.reshape(len(shares), SCALES, features).sum(axis=1, dtype=np.float64)
    return np.asarray(summed, dtype=np.float32)
