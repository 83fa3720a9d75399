"""What the bench measures of Boxwatch's own templates, in a process of its own.

`python -m boxwatch.bench.logs.mining WORK FILE [OPTION]...` prints JSON; FILE is Parquet with a
column `message`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from boxwatch.clock import monotonic
from boxwatch.events import TemplateMiner
from boxwatch.events.masks import MASKS, Mask
from boxwatch.events.vocabulary import template_id

# The five masks that users of such tools usually write for HDFS; the peers are given the same.
FIVE: Final = (
    Mask("block id", r"\bblk_-?[0-9]+\b"),
    Mask("address", r"/?\b[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(?::[0-9]+)?\b"),
    Mask("path", r"(?:/[A-Za-z0-9_.*-]+)+"),
    Mask("hexadecimal number", r"\b0x[0-9a-fA-F]+\b"),
    Mask("number", r"\b[0-9]+\b"),
)


def columns(file: Path, masks: str, runs: str) -> dict[str, float]:
    """Lines a second as a column, the best of `runs`: wall time and processor time."""
    messages = _messages(file)
    walls, cpus = list[float](), list[float]()
    for _ in range(int(runs)):
        miner = TemplateMiner(built_in=FIVE if masks == "five" else MASKS)
        began, used = monotonic(), time.process_time()
        miner.of(messages)
        walls.append(monotonic() - began)
        cpus.append(time.process_time() - used)
    numbers, _ = miner.of(messages)
    return {
        "per_s": len(messages) / min(walls),
        "per_cpu_s": len(messages) / min(cpus),
        "templates": len(np.unique(numbers)),
    }


def singly(file: Path) -> dict[str, float]:
    """Lines a second, each line on its own, none of them seen before."""
    messages = _messages(file).to_list()
    miner = TemplateMiner()
    began, used = monotonic(), time.process_time()
    for message in messages:
        miner.line(message)
    wall, cpu = monotonic() - began, time.process_time() - used
    return {"per_s": len(messages) / wall, "per_cpu_s": len(messages) / cpu}


def templates(file: Path, out: str) -> dict[str, float]:
    """The templates that the lines end with, a line each, written to `out`."""
    messages = _messages(file)
    miner = TemplateMiner()
    miner.of(messages)
    numbers, texts = miner.of(messages)
    told = pl.Series("template", texts, dtype=pl.String).gather(numbers)
    told.to_frame().write_parquet(out)
    return {"templates": told.n_unique()}


def ids(file: Path, out: str, order: str, seed: str) -> dict[str, float]:
    """The id of every line's template in the end, written to `out` in the order of `file`.

    `order` is `plain`, `shuffled` by `seed`, or `restarted`: with the state through JSON halfway.
    """
    messages = _messages(file)
    learned = messages.shuffle(int(seed)) if order == "shuffled" else messages
    miner = TemplateMiner()
    half = len(learned) // 2
    miner.of(learned[:half])
    if order == "restarted":
        state = json.dumps(miner.save())
        miner = TemplateMiner()
        miner.load(json.loads(state))
    miner.of(learned[half:])
    numbers, texts = miner.of(messages)
    every = pl.Series("id", [template_id(text) for text in texts], dtype=pl.UInt64)
    every.gather(numbers).to_frame().write_parquet(out)
    return {"templates": len(texts)}


WORK: Final[Mapping[str, Callable[..., dict[str, float]]]] = {
    "columns": columns,
    "ids": ids,
    "singly": singly,
    "templates": templates,
}


def _messages(file: Path) -> pl.Series:
    return pl.read_parquet(file)["message"]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(WORK[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
