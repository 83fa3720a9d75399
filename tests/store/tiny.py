"""A normaliser of three fields, and artifacts in its language: enough to prove ingesting."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import polars as pl

from boxwatch.events.schema import LOGS, QUARANTINE, RAW_KINDS, Events, RawChunk

START = datetime(2026, 3, 1, tzinfo=UTC)


def normalise(chunk: RawChunk) -> Events:
    """Lines `{"t": seconds, "n": number}` become logs; other lines are quarantined."""
    good, bad = [], []
    for line in chunk.lines.splitlines():
        try:
            record = json.loads(line)
            good.append((START + timedelta(seconds=record["t"]), record["n"]))
        except (ValueError, KeyError, TypeError):
            bad.append(line.decode("utf-8", "backslashreplace"))
    columns = dict.fromkeys(LOGS, [None] * len(good)) | {
        "time": [time for time, _ in good],
        "host": [chunk.host] * len(good),
        "source": [chunk.kind] * len(good),
        "message": [str(number) for _, number in good],
        "event_id": [crc32(f"{chunk.kind} {time} {number}".encode()) for time, number in good],
    }
    aside = {"time": START, "kind": chunk.kind, "origin": chunk.origin, "reason": "no"}
    return Events(
        logs=pl.DataFrame(columns, schema=dict(LOGS)),
        quarantined=pl.DataFrame(
            [{**aside, "record": line} for line in bad], schema=dict(QUARANTINE)
        ),
    )


def write(
    root: Path, kind: str, at: int, numbers: Iterable[int], *, step: float = 1.0, pad: int = 0
) -> Path:
    """An artifact stamped `at` seconds, with one line every `step` seconds."""
    folder, prefix = RAW_KINDS[kind]
    stamp = START + timedelta(seconds=at)
    path = root / folder / f"{prefix}_{stamp:%Y%m%d_%H%M%S}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"t": at + place * step, "n": number, "pad": "x" * pad})
        for place, number in enumerate(numbers)
    )
    path.write_text("".join(line + "\n" for line in lines))
    return path
