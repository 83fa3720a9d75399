"""Rows with the rows before them, as networks that read courses take them."""

from __future__ import annotations

import numpy as np

from boxwatch.models.detector import Matrix


def lagged(x: Matrix, steps: int, before: Matrix | None = None) -> Matrix:
    """Each row and the `steps` - 1 before it, side by side, newest first.

    Args:
        x: Standardised rows (rows, metrics) in the order of time.
        steps: How many rows a row is judged with, itself included.
        before: The rows that came before, newest last. Where fewer are known than are needed, the
            oldest known row stands for those before it.

    Returns:
        Shape (rows, steps * metrics): the columns of the row itself, then of the one before, ...
    """
    if len(x) == 0:
        return np.empty((0, steps * x.shape[1]), np.float32)
    past = x[:0] if before is None else before[max(len(before) - steps + 1, 0) :]
    known = np.vstack([past, x]).astype(np.float32)
    padded = np.vstack([np.repeat(known[:1], steps - 1 - len(past), axis=0), known])
    last = steps - 1
    return np.hstack([padded[last - lag : last - lag + len(x)] for lag in range(steps)])
