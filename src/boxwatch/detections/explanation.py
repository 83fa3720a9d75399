"""What moved, by how much, against what: the numbers behind a score, in words."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.features import Direction, Feature

_MOST: Final = 6  # contributions kept of one window
_LEAST_SHARE: Final = 0.04


def contributions(
    features: tuple[Feature, ...],
    shares: NDArray[np.float32],
    values: NDArray[np.float64],
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> list[dict[str, object]]:
    """The features that explain one window's score, largest share first.

    All arrays are (features,): `shares` sum to the score or to one, `values` are the window's own,
    `usual` and `spread` its entity's baseline.
    """
    total = float(shares.sum())
    if not total > 0:
        return []
    order = [int(i) for i in np.argsort(-shares, kind="stable")[:_MOST]]
    return [
        {
            "feature": features[i].name,
            "share": round(float(shares[i]) / total, 4),
            "text": describe(features[i], float(values[i]), float(usual[i]), float(spread[i])),
            "value": _known(float(values[i])),
            "usual": _known(float(usual[i])),
        }
        for i in order
        if shares[i] / total >= _LEAST_SHARE
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def describe(feature: Feature, value: float, usual: float, spread: float) -> str:
    """One feature in a sentence: `processor time in use: 98 % where 4 % ± 2 % is usual`."""
    if math.isnan(value):
        return f"{feature.help}: unknown where {_say(feature, usual)} is usual"
    if feature.direction is Direction.CONTEXT:
        return f"{feature.help}: {_say(feature, value)} (usually {_say(feature, usual)})"
    return (
        f"{feature.help}: {_say(feature, value)} where {_say(feature, usual)} "
        f"± {_say(feature, spread, difference=True)} is usual"
    )


def _say(feature: Feature, value: float, *, difference: bool = False) -> str:
    """A value in its feature's own terms; logs and roots are undone where a person reads them."""
    if math.isnan(value):
        return "unknown"
    if feature.unit == "ratio":
        return f"{value * 100:.3g} %"
    if feature.unit == "celsius":
        return f"{value:.3g} °C"
    if feature.unit == "log" and not difference:
        return f"{math.expm1(min(value, 60.0)):.3g}"
    if feature.unit == "sqrt" and not difference:
        return f"{value * value:.3g}"
    return f"{value:.2g}" if difference else f"{value:.3g}"
