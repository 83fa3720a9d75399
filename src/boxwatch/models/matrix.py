"""What every detector does to a matrix at its door, and sums that do not depend on their company.

Clip at the door: unknown (NaN) becomes the usual value 0, and every value is held within ±`LIMIT`,
infinities too. A score therefore grows with an excursion up to `LIMIT` spreads and stays there.

BLAS chooses its kernel by the shape of the matrix, so a row's product can differ in the last bits
between a batch and a row alone. `row_product` and `squared_distances` add feature by feature:
a row's score is the same to the bit in any batch, which is what makes a replay equal the live run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError

Float64 = NDArray[np.float64]

LIMIT: Final = 1e4
BLOCK_ROWS: Final = 1024  # 1024 rows of 30 features in float64 stay in a core's second-level cache

_TAIL_WEIGHT: Final = 50.0
_NORMAL_98: Final = 2.326  # |x| of a normal value is beyond this in 2 % of windows


def clean(x: NDArray[np.floating], features: int | None = None) -> Float64:
    """A float64 copy of `x` with NaN as 0 and all values within ±`LIMIT`.

    Args:
        x: Shape (windows, features).
        features: How many columns the detector was fitted on; None for any number.

    Raises:
        ModelError: `x` is not a matrix of numbers, or has another number of columns.
    """
    if x.ndim != 2 or not np.issubdtype(x.dtype, np.floating):
        raise ModelError(
            f"A detector takes a float matrix (windows, features), not {x.dtype} {x.shape!r}.",
            hint="Standardise the windows with Baseline.standardise first.",
        )
    if features is not None and x.shape[1] != features:
        raise ModelError(
            f"The detector was fitted on {features} features, not {x.shape[1]}.",
            hint="Train again: the view's columns have changed since.",
        )
    cleaned = x.astype(np.float64)
    cleaned[np.isnan(cleaned)] = 0.0
    np.maximum(cleaned, -LIMIT, out=cleaned)
    np.minimum(cleaned, LIMIT, out=cleaned)
    cleaned += 0.0  # -0.0 becomes 0.0: the two must have one bit pattern
    return cleaned


def training_rows(x: NDArray[np.floating], least: int, detector: str) -> Float64:
    """`x` cleaned and in an order that depends on the rows alone, not on how they came.

    Rows are ordered by a 64-bit hash of their values (the SplitMix64 finaliser per value, summed),
    so a fit that draws rows at random is the same for any order of its input.

    Raises:
        ModelError: fewer than `least` rows, no columns, or not a matrix.
    """
    cleaned = clean(x)
    if len(cleaned) < least or cleaned.shape[1] == 0:
        raise ModelError(
            f"{detector} needs at least {least} windows and one feature, not {cleaned.shape!r}.",
            hint="Let it watch longer, or leave this detector out of the view.",
        )
    bits = cleaned.view(np.uint64) + _column_salt(cleaned.shape[1])
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    key = (bits ^ (bits >> np.uint64(31))).sum(axis=1, dtype=np.uint64)
    return np.ascontiguousarray(cleaned[np.argsort(key, kind="stable")])


def _column_salt(features: int) -> NDArray[np.uint64]:
    return np.arange(1, features + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def body_scale(x: Float64) -> Float64:
    """How much wider each feature is than a normal one up to its 98th percentile; at least 1.

    For models that leave out the strangest windows themselves: a fault in 1 % of the training
    windows does not move it.
    """
    wide = np.maximum(np.quantile(np.abs(x), 0.98, axis=0) / _NORMAL_98, 1.0)
    return np.asarray((_TAIL_WEIGHT + len(x) * wide) / (_TAIL_WEIGHT + len(x)), dtype=np.float64)


def blocks(rows: int, size: int = BLOCK_ROWS) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `rows`."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def row_product(x: Float64, weights: Float64) -> Float64:
    """`x @ weights`, each row independent of the others to the last bit."""
    out = np.empty((len(x), weights.shape[1]))
    for part in blocks(len(x)):
        total = x[part, :1] * weights[0]
        term = np.empty_like(total)
        for column in range(1, x.shape[1]):
            np.multiply(x[part, column : column + 1], weights[column], out=term)
            total += term
        out[part] = total
    return out


def squared_distances(x: Float64, centres: Float64) -> Float64:
    """Squared Euclidean distances (rows, centres), each row independent of the others."""
    out = np.zeros((len(x), len(centres)))
    for part in blocks(len(x)):
        total = out[part]
        term = np.empty_like(total)
        for column in range(x.shape[1]):
            np.subtract(x[part, column : column + 1], centres[:, column], out=term)
            np.multiply(term, term, out=term)
            total += term
    return out
