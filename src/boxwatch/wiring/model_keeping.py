"""What is kept of old versions: rows and artifacts that nobody needs any more are removed.

Kept are those of the newest versions (`models.keep`), of champion and challenger, of the version
that a rollback would put back, of runs that have not ended, and the rows of studies. The artifacts
of all versions that further rollbacks could reach are kept, too; their rows are not. What the
ledger tells of a version stays for good.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from boxwatch.errors import StoreLocked
from boxwatch.lifecycle import champions_line
from boxwatch.settings import Settings
from boxwatch.store import (
    Layout,
    Ledger,
    Run,
    WriterLock,
    read_champions,
    read_study,
    study_names,
)
from boxwatch.wiring.model_evidence import ledger_of


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was removed; `removed_bytes` is the room it took. `kept_versions` 0 = all."""

    kept_versions: int
    rows: int
    artifacts: int
    removed_bytes: int


def prune(settings: Settings, data: Path) -> PruneReport:
    """Remove rows and artifacts that only versions refer to which need not be kept.

    Files that nothing in the ledger ever named are left alone.

    Raises:
        StoreLocked: another process is training.
    """
    keep, folder = settings.models.keep, Layout(data).models
    if keep == 0:
        return PruneReport(0, 0, 0, 0)
    lock = WriterLock(folder / "training.lock")
    try:
        with ledger_of(data) as ledger:
            rows, artifacts = _unneeded(ledger, folder, keep)
        removed = [folder / "rows" / f"{name}.parquet" for name in rows]
        removed = [path for path in removed if path.exists()]
        places = [folder / name for name in artifacts if (folder / name).is_dir()]
        size = sum(_size(path) for path in (*removed, *places))
        for path in removed:
            path.unlink()
        for path in places:
            _remove(path)
    finally:
        lock.release()
    return PruneReport(keep, len(removed), len(places), size)


def prune_unless_training(settings: Settings, data: Path) -> None:
    """Remove what is not needed; not now where another process trains: the next one will."""
    with suppress(StoreLocked):
        prune(settings, data)


def _unneeded(ledger: Ledger, folder: Path, keep: int) -> tuple[set[str], set[str]]:
    """Names of rows and of artifacts."""
    runs = ledger.runs()
    line = champions_line(ledger.changes())
    newest = sorted((run.version for run in runs if run.version is not None), reverse=True)[:keep]
    roles = [ledger.holder("champion"), ledger.holder("challenger")]
    wanted = {*newest, *line[-2:], *(one for one in roles if one is not None)}
    needed = [run for run in runs if run.version in wanted or run.state == "running"]
    reachable = [run for run in runs if run.version in {*wanted, *line}]
    studied = [read_study(folder, name) for name in study_names(folder)]
    rows = _rows(runs) - _rows(needed)
    rows -= {str(name) for study in studied for name in study.setting["rows"].values()}
    return rows, _artifacts(runs) - _artifacts(reachable) - {*read_champions(folder).values()}


def _rows(runs: Iterable[Run]) -> set[str]:
    return {str(name) for run in runs for name in run.selection.get("rows", {}).values()}


def _artifacts(runs: Iterable[Run]) -> set[str]:
    return {name for run in runs for name in run.parts.values()}


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def _remove(place: Path) -> None:
    """Under another name first: killed in between, no half of a model bears a version's name."""
    aside = place.with_name(f"{place.name}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    place.rename(aside)
    shutil.rmtree(aside)
