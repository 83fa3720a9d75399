"""How sure a count makes a figure: intervals of 95 %."""

from __future__ import annotations

import math
from typing import Final

_Z: Final = 1.959964  # of the normal distribution, two-sided 95 %


def of_share(found: int, total: int) -> tuple[float, float]:
    """The interval of a share (Wilson, JASA 1927)."""
    if total == 0:
        return 0.0, 1.0
    share, square = found / total, _Z * _Z
    middle = share + square / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    scale = 1 + square / total
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def of_count(count: int) -> tuple[float, float]:
    """The interval of the mean of a Poisson count (Byar's approximation to the exact one).

    Breslow and Day, Statistical Methods in Cancer Research II, 1987, section 2.3.
    """
    more = count + 1
    most = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    if count == 0:
        return 0.0, -math.log(0.025)
    least = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3
    return max(least, 0.0), most
