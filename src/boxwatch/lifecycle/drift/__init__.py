"""Drift: what the rows of today have in common with those that a model learned from."""

from boxwatch.lifecycle.drift.comparison import DRIFTS, LIMITS, compare, drifted
from boxwatch.lifecycle.drift.profile import LEAST_ROWS, Profile
from boxwatch.lifecycle.drift.quality import Precision, qualities
from boxwatch.lifecycle.drift.rates import Bounded, rate_ratio, ratio_of_stretches
from boxwatch.lifecycle.drift.severity import Meaning, meaning

__all__ = [
    "DRIFTS",
    "LEAST_ROWS",
    "LIMITS",
    "Bounded",
    "Meaning",
    "Precision",
    "Profile",
    "compare",
    "drifted",
    "meaning",
    "qualities",
    "rate_ratio",
    "ratio_of_stretches",
]
