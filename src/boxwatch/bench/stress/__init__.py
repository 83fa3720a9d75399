"""Loads for this machine: bounded, harmless, gone when they should be."""

from boxwatch.bench.stress.loads import LOADS
from boxwatch.bench.stress.running import MAX_SECONDS, StressReport, run

__all__ = ["LOADS", "MAX_SECONDS", "StressReport", "run"]
