"""How sure a count makes a figure: the interval of 95 %; of a share, `lifecycle.intervals`."""

from __future__ import annotations

import math
from typing import Final

_Z: Final = 1.959964  # of the normal distribution, two-sided 95 %


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
