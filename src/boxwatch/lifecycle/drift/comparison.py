"""Which features drifted: effects beyond what matters and beyond what the reference itself shows.

A feature drifted where the lower bound of one of its effects is beyond both its limit and the
greatest such effect between a stretch of the reference and its rest. The bounds of all features
and effects hold together, with the chance `ALPHA` that any one is wrong (Bonferroni; Benjamini and
Hochberg's milder rule promises a share of false findings, but a person is woken by the first).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.lifecycle.drift.dependence import LEAST, chance_distance, independent_rows
from boxwatch.lifecycle.drift.effects import NAMES, effects, variation
from boxwatch.lifecycle.drift.profile import Profile

ALPHA: Final = 0.01  # of a whole check

# A population stability index of 0.2 is where banks act (Siddiqi 2006). A tenth of the
# distribution function, and three tenths of the usual spread, are what a person sees in a picture.
LIMITS: Final[Mapping[str, float]] = MappingProxyType(
    {"distance": 0.1, "stability": 0.2, "shift": 0.3, "unknown": 0.05}
)

DRIFTS: Final[Mapping[str, type[pl.DataType]]] = MappingProxyType(
    {
        "feature": pl.String,
        "effect": pl.String,  # one of effects.NAMES
        "value": pl.Float64,
        "low": pl.Float64,  # bounds of the true effect
        "high": pl.Float64,
        "usual": pl.Float64,  # the greatest within the reference, for as long a stretch
        "limit": pl.Float64,
        "drifted": pl.Boolean,
    }
)


def compare(
    reference: Profile, rows: pl.DataFrame, floors: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """What moved in `rows` since `reference`: the columns of `DRIFTS`, one row an effect.

    Args:
        reference: The profile of what counts as usual.
        rows: The rows to compare, in the order of time; columns are told by name.
        floors: By feature, how far values must have moved on average for anybody to care, in the
            feature's own unit: one that never moved has no spread to measure a change by.

    Raises:
        ModelError: too few rows, a feature is missing or holds no numbers.
    """
    current = reference.like(rows)
    found = effects(reference, current, ALPHA / max(len(NAMES) * len(reference.names), 1))
    usual = variation(reference, current.rows)
    low = found.low if usual.any() else _known(found.low, found.value, reference, current)
    floor = np.array([(floors or {}).get(name, 0.0) for name in reference.names])
    matters = np.ones(found.value.shape, bool)
    matters[:-1] = low[NAMES.index("shift")] * found.spread >= floor
    limit = np.array([LIMITS[name] for name in NAMES])[:, None]
    columns = {
        "value": found.value,
        "low": low,
        "high": found.high,
        "usual": usual,
        "limit": np.broadcast_to(limit, found.value.shape),
        "drifted": (low > np.maximum(limit, usual)) & matters,
    }
    return pl.DataFrame(
        {
            "feature": np.repeat(np.array(reference.names, dtype=object), len(NAMES)),
            "effect": list(NAMES) * len(reference.names),
            **{name: array.T.ravel() for name, array in columns.items()},
        },
        schema=dict(DRIFTS),
    )


def _known(
    low: NDArray[np.float64], value: NDArray[np.float64], reference: Profile, current: Profile
) -> NDArray[np.float64]:
    """Lower bounds where the reference is too short to show how its own stretches differ.

    Few independent rows may lie wholly apart by chance, and leaving some of them out changes
    nothing of that: what is told then is what so many independent rows would tell.
    """
    before, after = independent_rows(reference), independent_rows(current)
    alpha = ALPHA / max(len(NAMES) * len(reference.names), 1)
    bounds = low.copy()
    bounds[:-1, np.minimum(before, after) < LEAST] = 0.0  # of shares of unknown, nothing is said
    at = NAMES.index("distance")
    by_chance = value[at] - chance_distance(before, after, alpha)
    bounds[at] = np.clip(by_chance, 0.0, bounds[at])
    return bounds


def drifted(comparison: pl.DataFrame) -> pl.DataFrame:
    """One row a drifted feature (feature, effect, value, low, limit): its clearest effect first."""
    return (
        comparison.filter("drifted")
        .with_columns((pl.col("low") / pl.col("limit")).alias("beyond"))
        .sort("beyond", descending=True, maintain_order=True)
        .unique("feature", keep="first", maintain_order=True)
        .select("feature", "effect", "value", "low", "limit")
    )
