"""How fast journald records become Parquet, and whether memory stays flat as they grow."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.bench.footprint import COMMAND, Footprint, cores, run
from boxwatch.bench.journal_lines import write_journal
from boxwatch.bench.result import BenchOptions, Figure, at_least, at_most, measured
from boxwatch.errors import Defect, EnvironmentFault

FASTEST: Final = 300_000.0  # lines a second
FLAT: Final = 1.2  # peak memory of ten times the lines, to that of the lines
GROWN: Final = 10

_LINE_BYTES: Final = 1100  # of a line, with its share of the Parquet files and some room
_RUNS: Final = 5
_PEER: Final = f"Polars {pl.__version__}, reading only, without start-up"


@dataclass(frozen=True, slots=True)
class _Journal:
    """A data folder that holds `lines` raw records and nothing else yet."""

    data: Path
    file: Path
    lines: int


def throughput(options: BenchOptions, lines: int, runs: int = _RUNS) -> list[Figure]:
    """The figures of `boxwatch normalize` over `lines` records on one core, best of `runs`.

    The whole command is measured, start-up and durable writing included.

    Raises:
        EnvironmentFault: too little room for ten times the lines.

    """
    _check_room(options.folder, GROWN * lines * _LINE_BYTES)
    tell, step = options.progress, "journald to Parquet"
    tell(step, 0, runs + GROWN)
    journal = _write(options.folder / "journal", lines, options.seed)
    best: Footprint | None = None
    plain_s = float("inf")
    for number in range(runs):
        tell(step, number, runs + GROWN)
        done = _normalize(journal)
        best = done if best is None or done.wall_s < best.wall_s else best
        plain_s = min(plain_s, _read_plainly(journal))
    if best is None:
        raise Defect(f"The speed bench needs one run at least, not {runs}.")
    shutil.rmtree(journal.data)
    tell(step, runs, runs + GROWN)
    grown = _write(options.folder / "journal-grown", GROWN * lines, options.seed)
    large = _normalize(grown)
    shutil.rmtree(grown.data)
    tell(step, runs + GROWN, runs + GROWN)
    return _figures(lines, best, plain_s, large)


def _figures(lines: int, best: Footprint, plain_s: float, large: Footprint) -> list[Figure]:
    one_core = f"{lines:,} journald lines to Parquet, one core"
    return [
        at_least(one_core, lines / best.wall_s, "lines/s", FASTEST, (_PEER, lines / plain_s)),
        measured(f"{one_core}: processor time", best.cpu_s, "s"),
        measured(f"{one_core}: peak memory", best.peak_bytes / 1e6, "MB"),
        measured(f"{GROWN * lines:,} lines: peak memory", large.peak_bytes / 1e6, "MB"),
        measured(f"{GROWN * lines:,} lines: speed", GROWN * lines / large.wall_s, "lines/s"),
        at_most(
            f"peak memory of {GROWN} times the lines",
            large.peak_bytes / best.peak_bytes,
            "times",
            FLAT,
        ),
    ]


def _write(data: Path, lines: int, seed: int) -> _Journal:
    file = data / "ingested" / "systemd" / "systemd_logs_20260302_000000.jsonl"
    write_journal(file, lines, seed)
    return _Journal(data, file, lines)


def _normalize(journal: _Journal) -> Footprint:
    """One run of the command over the journal, as if for the first time."""
    for path in journal.data.iterdir():
        if path.name != "ingested":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with cores(1):
        argv = (*COMMAND, "normalize", "--data", str(journal.data), "--json")
        done = run(argv, journal.data.parent, threads=1)
    _check_count(json.loads(done.output)["rows"], journal.lines)
    return done


def _read_plainly(journal: _Journal) -> float:
    with cores(1):
        argv: Sequence[str] = (
            sys.executable,
            "-m",
            "boxwatch.bench.plain_reader",
            str(journal.file),
        )
        done = run(argv, journal.data.parent, threads=1)
    seconds, rows = json.loads(done.output)
    _check_count(rows, journal.lines)
    return float(seconds)


def _check_count(rows: int, lines: int) -> None:
    if rows != lines:
        raise Defect(f"{lines:,} journald lines gave {rows:,} rows.")


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"{str(folder)!r} has {free / 1e9:.1f} GB free; this bench needs {needed / 1e9:.1f}.",
            hint="Name a larger folder for temporary files with TMPDIR.",
        )
