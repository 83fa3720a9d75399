"""What may be tried of each detector: its options, their limits, and what they are untried.

Names are those of the detectors' constructors; `used` is whether a view has the detector at all.
The limits are those within which a detector does what it says it does, not those that did well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, both allowed; `usual` where nobody searched."""

    low: int
    high: int
    usual: int
    log: bool = False


@dataclass(frozen=True, slots=True)
class Real:
    """A number from `low` to `high`; with `log`, tried by its order of magnitude."""

    low: float
    high: float
    usual: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `of`."""

    of: tuple[bool | int | float | str, ...]
    usual: bool | int | float | str


Range = Whole | Real | Choice
USED: Final = Choice((True, False), usual=True)

SPACES: Final[Mapping[str, Mapping[str, Range]]] = MappingProxyType(
    {
        "pca": {"used": USED, "variance": Real(0.5, 0.995, 0.95), "trim": Real(0.0, 0.1, 0.02)},
        "kmeans": {
            "used": USED,
            "clusters": Whole(2, 64, 16, log=True),
            "trim": Real(0.0, 0.1, 0.02),
        },
        "isolation_forest": {
            "used": USED,
            "trees": Whole(25, 200, 100, log=True),
            "sample": Whole(64, 1024, 256, log=True),
        },
        "course": {
            "ridge": Real(1e-4, 0.3, 0.01, log=True),
            "memory": Whole(250, 4000, 2000, log=True),
        },
    }
)
