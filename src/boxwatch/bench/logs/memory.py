"""What `boxwatch logs parse` holds in memory: many lines, and lines that never repeat a word."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from boxwatch.bench.footprint import COMMAND, cores, peak_bytes, start
from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.result import BenchOptions, Figure, at_most, measured
from boxwatch.clock import monotonic
from boxwatch.errors import Defect, EnvironmentFault

MOST_MB: Final = 500.0
LINES: Final = 1_000_000
GROWN: Final = 10

_LETTERS: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
_WORD: Final = 12
_BLOCK: Final = 10_000
_LOOK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Cost:
    wall_s: float
    peak_bytes: int


def memory(options: BenchOptions, sets: DataSets) -> list[Figure]:
    """Peak memory over `size` lines, ten times as many, and as many of unique words."""
    lines = options.size or LINES
    known = sets.all_messages().to_list()
    steps = (lines, GROWN * lines)
    done = []
    for number, count in enumerate(steps):
        options.progress("memory of logs parse", number, 3)
        done.append(_parsed(options.folder, itertools.islice(itertools.cycle(known), count), count))
    options.progress("memory of logs parse", 2, 3)
    strange = _parsed(options.folder, _unique(lines, options.seed), lines)
    small, large = (one.peak_bytes / 1e6 for one in done)
    return [
        measured(f"logs parse, {steps[0]:,} lines, peak memory", small, "MB"),
        at_most(f"logs parse, {steps[1]:,} lines, peak memory", large, "MB", MOST_MB),
        measured(f"that of {GROWN} times the lines", large / small, "times"),
        measured("logs parse, whole command, one core", steps[1] / done[1].wall_s, "lines/s"),
        at_most(
            f"logs parse, {lines:,} lines of unique words, peak memory",
            strange.peak_bytes / 1e6,
            "MB",
            MOST_MB,
        ),
        measured("logs parse, unique words, one core", lines / strange.wall_s, "lines/s"),
    ]


def _parsed(folder: Path, messages: Iterable[str], count: int) -> _Cost:
    log, out, said = folder / "many.log", folder / "many.parquet", folder / "said.json"
    with log.open("w", encoding="utf-8") as file:
        file.writelines(f"{message}\n" for message in messages)
    argv = (*COMMAND, "logs", "parse", str(log), "--out", str(out), "--json")
    with cores(1), said.open("wb") as answer:
        began = monotonic()
        process = start(argv, folder, 1, answer.fileno())
        # Not what wait4(2) tells: that counts what this process held when it started the other.
        peak = 0
        while process.poll() is None:
            with suppress(EnvironmentFault):
                peak = max(peak, peak_bytes(process.pid))
            time.sleep(_LOOK_S)
        wall_s = monotonic() - began
    text = said.read_text(encoding="utf-8")
    for path in (log, out, said):
        path.unlink(missing_ok=True)
    if process.returncode != 0 or json.loads(text)["lines"] != count:
        raise Defect(f"`boxwatch logs parse` of {count:,} lines gave {text!r}.")
    return _Cost(wall_s, peak)


def _unique(lines: int, seed: int) -> Iterator[str]:
    """Lines of six words that hardly any other line has."""
    rng = np.random.default_rng(seed)
    for first in range(0, lines, _BLOCK):
        count = min(_BLOCK, lines - first)
        letters = _LETTERS[rng.integers(0, len(_LETTERS), (count, 6, _WORD), np.uint8)]
        for words in letters:
            yield b" ".join(word.tobytes() for word in words).decode()
