"""The peer of the speed bench: Polars alone, reading the fields that Boxwatch reads.

A process of its own: `python -m boxwatch.bench.plain_reader FILE` prints the seconds it took to
read the file, start-up not counted, and the lines it found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl

from boxwatch.clock import monotonic
from boxwatch.events import NORMALISERS


def read(path: Path) -> tuple[float, int]:
    """Seconds to read all lines of `path` into a frame, and how many lines."""
    schema = dict.fromkeys(NORMALISERS["systemd"].columns, pl.String())
    began = monotonic()
    frame = pl.read_ndjson(path, schema=schema)
    return monotonic() - began, frame.height


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read(Path(sys.argv[1]))))
