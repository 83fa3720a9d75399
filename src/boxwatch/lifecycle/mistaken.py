"""Features that were learned from another feature's values."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.lifecycle.drift import Profile

_ALIKE: Final = 0.2  # the greatest distance at which two features look alike
_APART: Final = 0.5  # the least at which a feature no longer looks like itself

Float64 = NDArray[np.float64]


def mistaken_columns(before: Profile, after: Profile) -> dict[str, str]:
    """By feature of `after`, the feature of `before` whose values it has; empty where none.

    A feature is mistaken where its values are far from what they were and close to what those of
    another were. Distances are those of distribution functions, taken at both profiles' edges.
    Features that look alike from the start, such as counts that are always 0, cannot be told apart.
    """
    shared = [name for name in after.names if name in before.names]
    old = {name: before.distribution(name) for name in shared}
    new = {name: after.distribution(name) for name in shared}
    found = {}
    for name in shared:
        if _distance(old[name], new[name]) < _APART:
            continue
        others = {
            other: _distance(old[other], new[name])
            for other in shared
            if other != name and _distance(old[other], old[name]) >= _APART
        }
        best = min(others, key=lambda other: others[other], default=None)
        if best is not None and others[best] <= _ALIKE:
            found[name] = best
    return found


def _distance(one: tuple[Float64, Float64], other: tuple[Float64, Float64]) -> float:
    """The greatest difference at the edges of either; 1 where one has no values."""
    if len(one[0]) == 0 or len(other[0]) == 0:
        return float(len(one[0]) != len(other[0]))
    edges = np.union1d(one[0], other[0])
    return float(np.abs(_at(one, edges) - _at(other, edges)).max())


def _at(distribution: tuple[Float64, Float64], at: Float64) -> Float64:
    edges, up_to = distribution
    place = np.searchsorted(edges, at, side="right")
    return np.append(0.0, up_to)[place]
