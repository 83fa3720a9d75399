"""The figures of accuracy on public sets, with the peers measured in the same run.

Chronological always: all that is learned, thresholds too, comes from the training part. Labels are
never used but to count. The public data sets and the peers (from PyPI) are needed; what needs an
absent peer is not measured, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from boxwatch.bench.detectors.accuracy import Tally
from boxwatch.bench.detectors.peers import install
from boxwatch.bench.detectors.streams import streams
from boxwatch.bench.detectors.tables import SETS, TableSet, paths
from boxwatch.bench.result import BenchOptions, BenchResult, Figure, this_machine


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; some half an hour. `size` is machines of each set.

    Raises:
        UsageError: the data sets are not there.
        EnvironmentFault: the peers were installed, but fail.
    """
    (options.folder / "boxwatch.toml").touch()  # the nearest settings file: none but the defaults
    files = {kind: paths(options.data_sets, kind, options.size) for kind in SETS}
    options.progress("installing peers", 0, 1)
    peers = install(options.folder / "peers")
    figures: list[Figure] = []
    for kind, found in files.items():
        tally = Tally(kind)
        for number, path in enumerate(found):
            options.progress(f"{kind.name}, {path.stem}", number, len(found))
            scores = {}
            if not peers.absent:
                scores = dict(peers.scores([path], options.folder, options.seed)[path])
            tally.add(path, scores, options.seed)
        figures += tally.figures(peers.absent)
    figures += streams(options)
    return BenchResult("detectors", this_machine(), tuple(figures), _notes(options, files))


def _notes(options: BenchOptions, files: Mapping[TableSet, Sequence[Path]]) -> tuple[str, ...]:
    """What the figures rest on."""
    several = ", ".join(f"{kind.name} {len(found)}" for kind, found in files.items())
    part = "" if options.size is None else f" A part of the bench: {options.size} of each set."
    return (
        "Measured on public recordings of real machines whose events people labelled; no fault "
        f"was put in. Machines: {several}.{part}",
        "One configuration for all machines. Scales, models, calibration and thresholds come from "
        "each machine's training part; labels only count. Nothing is adjusted by what was found. "
        "A figure with the best threshold (NAB) is an oracle's.",
        "What is called an own model is one of ours that scores rows without those before them.",
    )
