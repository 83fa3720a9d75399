"""How fast a missed journal becomes Parquet, beside `journalctl -o json` on the same one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from boxwatch import allocation
from boxwatch.bench.footprint import Footprint, run
from boxwatch.bench.journal_files import write_journal_file
from boxwatch.bench.result import BenchOptions, Figure, at_least, measured
from boxwatch.errors import Defect

TIMES: Final = 2.5  # as fast as journalctl prints JSON
_RUNS: Final = 2


def catch_up(options: BenchOptions, entries: int, runs: int = _RUNS) -> list[Figure]:
    """The figures of a journal of `entries`; each best of `runs`, in turns.

    Raises:
        EnvironmentFault: there is no systemd-journal-remote or journalctl.

    """
    journal = options.folder / "journal"
    write_journal_file(journal / "server.journal", entries, options.seed, options.progress)
    step = "catching up with a journal"
    own: list[tuple[float, Footprint]] = []
    peers: list[float] = []
    exports: list[float] = []
    for number in range(runs):
        options.progress(step, number, runs)
        peers.append(_journalctl(journal, "json"))
        own.append(_own(journal, options.folder / "caught-up", entries))
        exports.append(_journalctl(journal, "export"))
    options.progress(step, runs, runs)
    shutil.rmtree(journal)
    seconds, footprint = min(own, key=lambda pair: pair[0])
    rate, json_rate, export_rate = (entries / s for s in (seconds, min(peers), min(exports)))
    what = f"{entries:,} journal entries"
    peer = (f"{_name()} -o json", json_rate)
    return [
        at_least(f"{what} to Parquet", rate, "entries/s", TIMES * json_rate, peer),
        measured(f"{what}, journalctl -o export alone", export_rate, "entries/s", peer),
        measured(f"{what}, processor time with journalctl", footprint.cpu_s, "s"),
        measured(f"{what}, peak memory", footprint.peak_bytes / 1e6, "MB"),
    ]


def _own(journal: Path, data: Path, entries: int) -> tuple[float, Footprint]:
    kept = ("env", f"{allocation.NAME}={allocation.VALUE}")  # as every command does
    argv = (*kept, sys.executable, "-m", "boxwatch.bench.catch_up_reader")
    done = run((*argv, str(journal), str(data), str(entries)), journal.parent, threads=None)
    seconds, rows = json.loads(done.output)
    shutil.rmtree(data)
    if rows != entries:
        raise Defect(f"{entries:,} journal entries gave {rows:,} rows.")
    return float(seconds), done


def _journalctl(journal: Path, form: str) -> float:
    argv = ("journalctl", f"--directory={journal}", "--no-pager", f"--output={form}")
    return run(("sh", "-c", 'exec "$@" > /dev/null', "sh", *argv), journal.parent, None).wall_s


def _name() -> str:
    argv = ["journalctl", "--version"]
    said = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    return f"journalctl {said.split()[1]}"
