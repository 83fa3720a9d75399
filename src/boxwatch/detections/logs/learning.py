"""How well something must be known before it is judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Learning:
    """What a service must have shown before its lines can be unusual.

    `age_s`: watched seconds since its first line. `lines`: how many it has written. `windows`: ten
    seconds with lines, for its pauses. `cases`: how often one line was followed by another, for
    their order.
    """

    age_s: float = 1800.0
    lines: int = 20
    windows: int = 60
    cases: int = 20
