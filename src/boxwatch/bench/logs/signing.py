"""All known-failure signatures over many lines, in a process of its own.

`python -m boxwatch.bench.logs.signing FILE LINES` prints JSON; FILE is Parquet with a column
`message`, whose lines are taken again and again until there are LINES.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.clock import monotonic
from boxwatch.detections.known import KnownFailures
from boxwatch.events import LOGS, Events

_BATCH: Final = 50_000
_START: Final = datetime(2026, 3, 2, tzinfo=UTC)
_APART: Final = timedelta(milliseconds=5)


def sign(file: Path, lines: int) -> dict[str, float]:
    """Lines a second through all rules, and how many findings they made."""
    messages = pl.read_parquet(file)["message"]
    some = pl.concat([messages] * (1 + lines // len(messages))).head(lines)
    known = KnownFailures()
    wall = cpu = 0.0
    findings = set[str]()
    for first in range(0, lines, _BATCH):
        logs = _logs(some.slice(first, _BATCH), first)
        now = _START + _APART * (first + logs.height)
        began, used = monotonic(), time.process_time()
        findings.update(found.id for found in known.add(Events(logs=logs), now))
        wall += monotonic() - began
        cpu += time.process_time() - used
    return {"per_s": lines / wall, "per_cpu_s": lines / cpu, "findings": len(findings)}


def _logs(messages: pl.Series, first: int) -> pl.DataFrame:
    """Lines of a service, five milliseconds apart."""
    number = pl.int_range(first, first + messages.len(), dtype=pl.Int64)
    given = {
        "time": pl.lit(_START) + pl.duration(microseconds=number * _APART.microseconds),
        "host": pl.lit("host"),
        "source": pl.lit("systemd"),
        "subtype": pl.lit("journal"),
        "unit": pl.lit("app.service"),
        "message": pl.col("message"),
        "event_id": number,
    }
    return messages.to_frame("message").select(
        given.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in LOGS.items()
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sign(Path(sys.argv[1]), int(sys.argv[2]))))
