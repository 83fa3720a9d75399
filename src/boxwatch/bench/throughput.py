"""How fast journald records become Parquet, and whether memory stays flat as they grow."""

from __future__ import annotations

import json
import shutil
import sys
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

_LINE_BYTES: Final = 900  # of a line, with its share of the Parquet files and some room
_RUNS: Final = 3
# It only reads, and its start-up is not counted: what no reader built on it can be quicker than.
_PEER: Final = f"Polars {pl.__version__}"


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
    fast, plain_s = _best(options, lines, runs, whole=False)
    heavy, heavy_plain_s = _best(options, lines, runs, whole=True)
    step = f"{GROWN * lines:,} journald lines"
    options.progress(step, 0, 2)
    grown = _write(options, GROWN * lines, whole=False)
    options.progress(step, 1, 2)
    large = _normalize(grown)
    shutil.rmtree(grown.data)
    options.progress(step, 2, 2)
    what = f"{lines:,} journald lines"
    return [
        at_least(
            f"{what} to Parquet, one core",
            lines / fast.wall_s,
            "lines/s",
            FASTEST,
            (_PEER, lines / plain_s),
        ),
        measured(f"{what}, by processor time", lines / fast.cpu_s, "lines/s"),
        measured(
            f"{what}, all fields",
            lines / heavy.wall_s,
            "lines/s",
            (_PEER, lines / heavy_plain_s),
        ),
        measured(f"{GROWN * lines:,} journald lines", GROWN * lines / large.wall_s, "lines/s"),
        measured(f"{what}, peak memory", fast.peak_bytes / 1e6, "MB"),
        at_most(
            f"peak memory of {GROWN} times the lines",
            large.peak_bytes / fast.peak_bytes,
            "times",
            FLAT,
        ),
    ]


def _best(options: BenchOptions, lines: int, runs: int, *, whole: bool) -> tuple[Footprint, float]:
    """The quickest of `runs` of the command, and the seconds of its peer's quickest."""
    step = f"{lines:,} journald lines" + (", all fields" if whole else "")
    options.progress(step, 0, runs)
    journal = _write(options, lines, whole=whole)
    pairs = []
    for number in range(runs):
        pairs.append((_normalize(journal), _read_plainly(journal)))
        options.progress(step, number + 1, runs)
    shutil.rmtree(journal.data)
    return min((own for own, _ in pairs), key=lambda own: own.wall_s), min(s for _, s in pairs)


def _write(options: BenchOptions, lines: int, *, whole: bool) -> _Journal:
    data = options.folder / "journal"
    file = data / "ingested" / "systemd" / "systemd_logs_20260302_000000.jsonl"
    write_journal(file, lines, options.seed, whole=whole)
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
        argv = (sys.executable, "-m", "boxwatch.bench.plain_reader", str(journal.file))
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
