"""Raw records into the event store."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from boxwatch.errors import UsageError
from boxwatch.events import RawChunk, combined_events, earliest, gpu_names, normalise
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import EventStore, Layout, Reading, ingest
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.reports import NormalizeReport
from boxwatch.wiring.this_host import host_name


def normalize(
    settings: Settings,  # noqa: ARG001 - every step takes the same three
    data: Path,
    export: bool,
    progress: Progress,
) -> NormalizeReport:
    """Store what the raw artifacts hold and the store does not; see `store.ingestion`."""
    layout = Layout(data)
    if not layout.ingested.is_dir() and not layout.format_file.exists():
        raise UsageError(
            f"There are no raw records in {str(layout.ingested)!r}.",
            hint="Run `boxwatch collect` first, or name another folder with --data.",
        )
    with EventStore.open(data, writable=True) as store:
        done = ingest(
            store,
            layout.ingested,
            Reading(normalise, earliest, host_name()),
            lambda taken, total: progress("normalizing", taken, total),
        )
        exported = _export(store, data) if export else ()
        tell_damage(store)
    return NormalizeReport(
        batches=done.batches,
        rows=done.rows,
        repeated=done.repeated,
        quarantined=done.quarantined,
        skipped=done.skipped,
        waiting=done.waiting,
        exported=exported,
    )


def _export(store: EventStore, data: Path) -> tuple[str, ...]:
    folder = Layout(data).processed
    folder.mkdir(parents=True, exist_ok=True)
    named = [
        gpu_names(RawChunk("gpu", path.read_bytes(), host_name(), str(path)))
        for path in sorted((Layout(data).ingested / "gpu").glob("*.jsonl"))
    ]
    names = pl.concat(named).unique(["host", "entity"], keep="last") if named else None
    frame = combined_events(store.logs().collect(), store.samples().collect(), names)
    parquet, lines = folder / "combined_events.parquet", folder / "combined_events.jsonl"
    for path, write in ((parquet, frame.write_parquet), (lines, frame.write_ndjson)):
        partial = path.with_suffix(path.suffix + ".partial")
        write(partial)
        os.replace(partial, path)
    return str(parquet), str(lines)
