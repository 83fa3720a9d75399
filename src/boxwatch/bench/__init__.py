"""What `boxwatch bench` measures: one file per bench, peers beside it."""

from typing import Final

from boxwatch.bench.result import (
    BenchOptions,
    BenchResult,
    Figure,
    Machine,
    at_least,
    at_most,
    measured,
    not_measured,
    this_machine,
)

# Name -> the module with `run(options: BenchOptions) -> BenchResult`.
BENCHES: Final[dict[str, str]] = {
    "chaos": "boxwatch.bench.chaos.running",
    "detectors": "boxwatch.bench.detectors.running",
    "drift": "boxwatch.bench.drift",
    "faults": "boxwatch.bench.faults.running",
    "lifecycle": "boxwatch.bench.lifecycle.running",
    "logs": "boxwatch.bench.logs.running",
    "sources": "boxwatch.bench.sources",
    "spine": "boxwatch.bench.spine",
}

__all__ = [
    "BENCHES",
    "BenchOptions",
    "BenchResult",
    "Figure",
    "Machine",
    "at_least",
    "at_most",
    "measured",
    "not_measured",
    "this_machine",
]
