"""What a turn of many hosts costs the watcher once everything was read: stage by stage.

The hosts are copies of a few simulated ones with names of their own, a turn is five seconds of all
their records, and every stage is what `up` runs. Reading them (tools, SSH) is measured elsewhere.
Run as a program, in a process of its own: `python -m boxwatch.bench.turns HOSTS FOLDER TURNS`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from boxwatch.bench.footprint import COMMAND
from boxwatch.bench.footprint import run as run_child
from boxwatch.bench.result import BenchOptions, Figure, measured
from boxwatch.events import RAW_KINDS, RawChunk, normalise
from boxwatch.live import Loop, Pipeline, Turn
from boxwatch.live.joining import normalised
from boxwatch.sources.simulated import simulate
from boxwatch.store import EventStore, StateStore

COUNTS: Final = (1, 10, 50)
STAGES: Final = ("normalise", "append", "judge", "save")

_START: Final = datetime(2026, 5, 6, 9, tzinfo=UTC)
_TURN_S: Final = 5
_TURNS: Final = 120
_LEARNED: Final = 24  # turns until the first models are fitted, and some
_SAVED_EVERY: Final = 12  # turns from checkpoint to checkpoint, as by default
_BOXES: Final = 4
_NAME: Final = "BOXNAME"

Lines = dict[str, bytes]  # raw kind -> the lines of one turn


def turn_costs(
    options: BenchOptions, counts: Sequence[int] = COUNTS, turns: int = _TURNS
) -> list[Figure]:
    """Milliseconds a turn by stage, share of a core, and peak memory, for so many hosts."""
    figures = []
    for number, hosts in enumerate(counts):
        options.progress("turns of many hosts", number, len(counts))
        folder = options.folder / f"turns-{hosts}"
        argv = (COMMAND[0], "-m", "boxwatch.bench.turns", str(hosts), str(folder), str(turns))
        done = run_child(argv, options.folder, threads=None)
        costs: dict[str, float] = json.loads(done.output)
        what = f"turn of {hosts} hosts" if hosts > 1 else "turn of 1 host"
        figures += [measured(f"{what}, {stage}", costs[stage], "ms") for stage in STAGES]
        share = sum(costs[stage] for stage in STAGES) / (10 * _TURN_S)
        figures.append(measured(f"{what}, all of it", share, "% of a core"))
        figures.append(measured(f"{what}, peak memory", done.peak_bytes / 1e6, "MB"))
    options.progress("turns of many hosts", len(counts), len(counts))
    return figures


def costs_of(hosts: int, folder: Path, turns: int = _TURNS) -> dict[str, float]:
    """Milliseconds of processor time a turn, by stage, after learning; `rows` a turn."""
    boxes = [_box(folder / f"box{seed}", seed, turns) for seed in range(min(hosts, _BOXES))]
    used: dict[str, float] = defaultdict(float)
    rows = 0

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        used[name] += time.process_time() - began

    learned = min(_LEARNED, turns // 2)
    with (
        EventStore.open(folder / "data", writable=True) as store,
        StateStore.open(folder / "data") as state,
    ):
        loop = Loop(store, state, Pipeline(), ())
        for number in range(turns):
            if number == learned:
                used.clear()
                rows = 0
            chunks = list(_chunks(boxes, hosts, number))
            now = _START + timedelta(seconds=_TURN_S * (number + 1) + 1.1)
            positions = {chunk.origin: {"cursor": "c" * 120} for chunk in chunks}
            with stage("normalise"):
                events = normalised(chunks, normalise, lambda at=now: at)  # type: ignore[misc]
            with stage("append"):
                seq = store.append(events, now, positions)
            with stage("judge"):
                loop.judge(seq, Turn(events, now, positions))
            with stage("save"):
                if number % _SAVED_EVERY == 0:
                    loop.checkpoint()
                store.compact()
            rows += events.rows
    counted = turns - learned
    milliseconds = {name: 1000 * used[name] / counted for name in STAGES}
    return {**milliseconds, "rows": rows / counted}


def _box(root: Path, seed: int, turns: int) -> list[Lines]:
    """What one simulated host says, turn by turn."""
    hours = max(0.1, turns * _TURN_S / 3600)
    simulate(root, seed=seed + 1, start=_START, hours=hours, host=_NAME, faults=())
    made: list[dict[str, list[bytes]]] = [defaultdict(list) for _ in range(turns)]
    for kind, (folder, prefix) in RAW_KINDS.items():
        for path in sorted((root / "ingested" / folder).glob(f"{prefix}_2*.jsonl")):
            for line in path.read_bytes().splitlines(keepends=True):
                turn = int((_time(kind, orjson.loads(line)) - _START).total_seconds() // _TURN_S)
                if 0 <= turn < turns:
                    made[turn][kind].append(_with_host(line))
    return [{kind: b"".join(lines) for kind, lines in one.items()} for one in made]


def _with_host(line: bytes) -> bytes:
    host = f'{{"host":"{_NAME}"'.encode()
    return line if line.startswith(host) else host + b"," + line[1:]


def _time(kind: str, row: dict[str, str]) -> datetime:
    if kind == "systemd":
        return datetime.fromtimestamp(int(row["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    if kind == "docker_events":
        return datetime.fromtimestamp(int(row["timeNano"]) / 1e9, UTC)
    return datetime.fromisoformat(row.get("collected_at", row.get("timestamp", "")))


def _chunks(boxes: Sequence[list[Lines]], hosts: int, turn: int) -> Iterator[RawChunk]:
    for number in range(hosts):
        name = f"node{number:03d}"
        for kind, lines in boxes[number % len(boxes)][turn].items():
            named = lines.replace(_NAME.encode(), name.encode())
            yield RawChunk(kind, named, name, f"{name}/{kind}")


if __name__ == "__main__":
    hosts, folder, turns = sys.argv[1:]
    print(json.dumps(costs_of(int(hosts), Path(folder), int(turns))))  # noqa: T201
