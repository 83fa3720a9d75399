"""Drift: what the rows of today have in common with those that a model learned from."""

from boxwatch.lifecycle.drift.comparison import DRIFTS, LIMITS, compare, drifted
from boxwatch.lifecycle.drift.profile import LEAST_ROWS, Profile
from boxwatch.lifecycle.drift.severity import Meaning, meaning

__all__ = ["DRIFTS", "LEAST_ROWS", "LIMITS", "Meaning", "Profile", "compare", "drifted", "meaning"]
