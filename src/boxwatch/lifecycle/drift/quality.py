"""How good alarms were, by what people said of them, and whether they became worse.

An alarm that was called real was right, one that was called false was not; an expected one is
neither: it was unusual, and nobody wanted to hear of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from boxwatch.lifecycle.intervals import wilson

_GROUP: Final = 10  # alarms with a label in one stretch before the one that is judged
_MOST_GROUPS: Final = 4
_NO_LOSS: Final = 0.05  # of the baseline: what cannot have been lost more is not lost


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of alarms that were real, with the 95 % interval; null where nobody labelled."""

    real: int
    false: int
    share: float | None
    low: float
    high: float

    @classmethod
    def of(cls, right: Sequence[bool]) -> Precision:
        """Of alarms that were right or not."""
        real = sum(right)
        low, high = wilson(real, len(right))
        share = real / len(right) if right else None
        return cls(real, len(right) - real, share, low, high)


def qualities(before: Sequence[bool], late: Sequence[bool]) -> list[float]:
    """What `severity.meaning` needs: precision by stretch, oldest first; [] = unknown.

    Args:
        before: Whether each labelled alarm before the time in question was right, in their order.
        late: The same of that time.

    A loss counts where the interval of the difference of the two shares lies above 0 (Newcombe's,
    Statistics in Medicine 1998, method 10), and no loss where it cannot be more than a twentieth;
    between the two nothing is known.
    """
    if not before or not late:
        return []
    groups = max(min(len(before) // _GROUP, _MOST_GROUPS), 1)
    bounds = [len(before) * number // groups for number in range(groups + 1)]
    shares = [sum(before[first:last]) / (last - first) for first, last in pairwise(bounds)]
    low, high = difference(Precision.of(before[: bounds[1]]), Precision.of(late))
    found = [*shares, sum(late) / len(late)]
    if low > 0.0 or (shares[0] > 0.0 and high / shares[0] <= _NO_LOSS):
        return found
    return []


def difference(one: Precision, other: Precision) -> tuple[float, float]:
    """The 95 % interval of the first share less the second; -1 to 1 where one is unknown."""
    if one.share is None or other.share is None:
        return -1.0, 1.0
    apart = one.share - other.share
    low = apart - math.hypot(one.share - one.low, other.high - other.share)
    high = apart + math.hypot(one.high - one.share, other.share - other.low)
    return low, high
