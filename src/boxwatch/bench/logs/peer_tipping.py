"""The peer tipping over a file: run by a Python that has it, and needs nothing of ours.

`python peer_tipping.py FILE OUT MASK...` prints seconds, lines and clusters as JSON, and writes
each line's cluster to OUT. FILE and OUT hold a JSON list.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import tipping  # type: ignore[import-not-found]


def main(file: str, out: str, *masks: str) -> None:
    """Read, group, write."""
    lines = json.loads(Path(file).read_text(encoding="utf-8"))
    began, used = time.perf_counter(), time.process_time()
    groups, _, _ = tipping.parse(lines, special_blacks=list(masks))
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    alone = max((group for group in groups if group is not None), default=0) + 1
    told = [alone if group is None else group for group in groups]
    Path(out).write_text(json.dumps([told, None]), encoding="utf-8")
    sys.stdout.write(json.dumps([wall, cpu, len(lines), len(set(told))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
