"""Starting a load, and ending it whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from boxwatch.bench.stress.loads import Load, disk_room
from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault, UsageError
from boxwatch.pulse import Progress, unheard

MAX_SECONDS: Final = 600.0
_LEAST_ROOM: Final = 64 * 2**20
_END_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class StressReport:
    """What a load did, summed over its worker processes."""

    kind: Load
    elapsed_s: float
    workers: int
    did: Mapping[str, float]


def run(
    kind: Load, seconds: float, folder: Path, share: float = 1.0, progress: Progress = unheard
) -> StressReport:
    """Put the load `kind` on this machine for `seconds`, and take it away again.

    Args:
        kind: what to load.
        seconds: at most 600.
        folder: where the disk load works; made if it is not there.
        share: of the most this load may be.
        progress: told about once a second.

    Raises:
        UsageError: a share or a duration out of bounds.
        EnvironmentFault: too little room on the device, or a worker failed.

    """
    if not 0 < seconds <= MAX_SECONDS:
        raise UsageError(f"A load of {seconds:g} s is not allowed; more than 0 and at most 10 m.")
    if not 0 < share <= 1:
        raise UsageError(f"A share of {share:g} is not allowed; more than 0 and at most 100 %.")
    if kind is Load.DISK:
        folder.mkdir(parents=True, exist_ok=True)
        if disk_room(folder) < _LEAST_ROOM:
            raise EnvironmentFault(
                f"The file system of {str(folder)!r} has too little room for a disk load.",
                hint="A tenth of it always stays free; make room or choose another --data.",
            )
    count = len(os.sched_getaffinity(0)) if kind is Load.CPU else 1
    argv = [sys.executable, "-m", "boxwatch.bench.stress.worker", kind, str(seconds), str(share)]
    began = monotonic()
    with _workers([*argv, str(folder)], count) as workers:
        while any(worker.poll() is None for worker in workers):
            elapsed = monotonic() - began
            progress(f"{kind} load", min(elapsed, seconds), seconds)
            if elapsed > seconds + _END_SECONDS:
                break
            _wait(workers, 0.25)
        did = _sum(workers)
    return StressReport(kind, monotonic() - began, count, did)


@contextmanager
def _workers(argv: list[str], count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`count` workers that are gone afterwards, also at SIGTERM and Ctrl-C."""
    workers: list[subprocess.Popen[bytes]] = []
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        for _ in range(count):
            worker = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            workers.append(worker)
        yield workers
    finally:
        signal.signal(signal.SIGTERM, before)
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()
        _wait(workers, _END_SECONDS)
        for worker in workers:
            worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(128 + number)


def _wait(workers: list[subprocess.Popen[bytes]], limit_s: float) -> None:
    end = monotonic() + limit_s
    for worker in workers:
        try:
            worker.wait(max(0.0, end - monotonic()))
        except subprocess.TimeoutExpired:
            return


def _sum(workers: list[subprocess.Popen[bytes]]) -> dict[str, float]:
    did: Counter[str] = Counter()
    for worker in workers:
        status = worker.poll()
        text = b"" if worker.stdout is None or status is None else worker.stdout.read()
        if status != 0 or not text:
            raise EnvironmentFault(f"A worker of the load failed with status {status!r}.")
        did.update(json.loads(text))
    return dict(did)
