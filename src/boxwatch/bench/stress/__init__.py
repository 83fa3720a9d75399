"""Loads for this machine: bounded, harmless, gone when they should be."""

from boxwatch.bench.stress.loads import Load
from boxwatch.bench.stress.running import MAX_SECONDS, StressReport, run

__all__ = ["MAX_SECONDS", "Load", "StressReport", "run"]
