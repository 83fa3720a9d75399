"""Each value beside the others of its group: the middle of them, and how they spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside each value: the others' middle, the group's MAD, how many, which group."""

    usual: NDArray[np.float64]
    mad: NDArray[np.float64]
    peers: NDArray[np.int64]
    group: NDArray[np.int64]


def beside_any(values: NDArray[np.float64], groups: list[NDArray[np.int64]]) -> Beside:
    """`beside` of whichever way to group gives a value more peers; the first where both do."""
    one = beside(values, groups[0])
    for group in groups[1:]:
        other = beside(values, group)
        more = other.peers > one.peers
        one = Beside(
            np.where(more, other.usual, one.usual),
            np.where(more, other.mad, one.mad),
            np.where(more, other.peers, one.peers),
            np.where(more, other.group + one.group.max() + 1, one.group),
        )
    return one


def beside(values: NDArray[np.float64], group: NDArray[np.int64]) -> Beside:
    """The median of all others of the group (NaN where there are none), and 1.4826 MAD of it."""
    order = np.lexsort((values, group))
    ordered, numbers = values[order], group[order]
    first = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    sizes = np.diff(np.r_[first, len(numbers)])
    start, size = np.repeat(first, sizes), np.repeat(sizes, sizes)
    place = np.arange(len(numbers)) - start
    others = size - 1
    low, high = (others - 1) // 2, others // 2
    last = start + size - 1
    below = ordered[np.clip(start + low + (low >= place), start, last)]
    above = ordered[np.clip(start + high + (high >= place), start, last)]
    usual = np.where(others > 0, (below + above) / 2, np.nan)
    middle = (ordered[start + (size - 1) // 2] + ordered[start + size // 2]) / 2
    away = np.abs(ordered - middle)
    away = away[np.lexsort((away, numbers))]
    mad = 1.4826 * (away[start + (size - 1) // 2] + away[start + size // 2]) / 2
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Beside(usual[back], mad[back], others[back], group)
