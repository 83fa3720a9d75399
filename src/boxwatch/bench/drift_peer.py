"""The test that people use for drift, as the bench measures it: Kolmogorov and Smirnov's."""

from __future__ import annotations

from typing import Final

import polars as pl
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

_LEVEL: Final = 0.05


def significant(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether any feature of the same columns has a p-value below .05, each tested for itself."""
    return any(
        float(ks_2samp(before[name].to_numpy(), after[name].to_numpy()).pvalue) < _LEVEL
        for name in before.columns
    )
