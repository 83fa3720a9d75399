"""What `boxwatch up` takes of the machine it watches."""

from __future__ import annotations

import subprocess
import time
from typing import Final

from boxwatch.bench.footprint import (
    COMMAND,
    cpu_seconds,
    family,
    peak_bytes,
    resident_bytes,
    start,
    stop,
)
from boxwatch.bench.result import BenchOptions, Figure, at_most, measured
from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault
from boxwatch.pulse import Progress

RESIDENT_MB: Final = 250.0
CORE_PERCENT: Final = 3.0

BASELINE_S: Final = 40.0  # 30 s by default, and some for starting and for the first models
WATCHED_S: Final = 60.0  # a whole interval between two checkpoints


def watching(
    options: BenchOptions, baseline_s: float = BASELINE_S, watched_s: float = WATCHED_S
) -> list[Figure]:
    """Memory, and processor time after the baseline, of watching this machine as it is shipped.

    Raises:
        EnvironmentFault: it ended by itself, or nothing can be read about it.

    """
    data = options.folder / "watching"
    data.mkdir()
    process = start((*COMMAND, "up", "--data", str(data)), options.folder, threads=None)
    try:
        _pass(process, baseline_s, options.progress, "learning what is normal")
        at, used = monotonic(), cpu_seconds(process.pid)
        _pass(process, watched_s, options.progress, "watching this machine")
        share = (cpu_seconds(process.pid) - used) / (monotonic() - at)
        peak = peak_bytes(process.pid)
        children = resident_bytes(family(process.pid)[1:])
    finally:
        stop(process)
    return [
        at_most("up, peak memory (VmHWM)", peak / 1e6, "MB", RESIDENT_MB),
        measured("up, memory of its tools", children / 1e6, "MB"),
        at_most(
            f"up, processor, {watched_s:.0f} s",
            100 * share,
            "% of a core",
            CORE_PERCENT,
        ),
    ]


def _pass(process: subprocess.Popen[bytes], seconds: float, progress: Progress, step: str) -> None:
    """Let time pass while `process` runs."""
    began = monotonic()
    while (elapsed := monotonic() - began) < seconds:
        if process.poll() is not None:
            raise EnvironmentFault(
                f"`boxwatch up` ended by itself with {process.returncode}.",
                hint="Run `boxwatch up` to see why, or `boxwatch check`.",
            )
        progress(step, elapsed, seconds)
        time.sleep(min(0.5, seconds - elapsed))
    progress(step, seconds, seconds)
