"""Short recordings of the simulated box, made once and shared."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import polars as pl
import pytest

from boxwatch.events.schema import RAW_KINDS
from boxwatch.sources.simulated import InjectedFault, Truth, simulate

_KEPT = 8
START = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)  # a Wednesday morning
_CONSTANT = ("host", "collected_at", "entity", "uuid", "name", "pstate", "timestamp", "pci.bus_id")


@dataclass
class Recording:
    """A recording and what was injected into it."""

    root: Path
    truth: Truth

    def lines(self, kind: str) -> list[bytes]:
        return _bytes(self.root, kind).splitlines()

    def records(self, kind: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines(kind)]

    @property
    def fault(self) -> InjectedFault:
        (fault,) = self.truth
        return fault

    def readings(self, entity: str) -> pl.DataFrame:
        """The readings of one entity, numbers where they are numbers, by time."""
        if entity.startswith("gpu:"):
            return _frame(self.root, "gpu").filter(pl.col("index") == float(entity[4:]))
        return _frame(self.root, "host").filter(pl.col("entity") == entity)

    def during(self, entity: str, column: str) -> pl.Series:
        """One column of one entity from the start to the end of the fault."""
        inside = pl.col("collected_at").is_between(self.fault.start, self.fault.end)
        return self.readings(entity).filter(inside)[column]

    def said(self, name: str) -> list[tuple[datetime, str]]:
        """When a unit, a container or the kernel said what."""
        journal = [
            (_micros(str(row["__REALTIME_TIMESTAMP"])), str(row["MESSAGE"]))
            for row in self.records("systemd")
            if row["SYSLOG_IDENTIFIER"] == name
        ]
        container = [
            (datetime.fromisoformat(str(row["timestamp"])[:26] + "+00:00"), str(row["message"]))
            for row in self.records("docker")
            if row["container_name"] == name
        ]
        return journal + container

    def said_during(self, name: str) -> list[str]:
        """What it said while the fault lasted."""
        return [t for at, t in self.said(name) if self.fault.start <= at <= self.fault.end]


def _micros(text: str) -> datetime:
    return datetime.fromtimestamp(int(text) / 1e6, tz=UTC)


def _bytes(root: Path, kind: str) -> bytes:
    folder, prefix = RAW_KINDS[kind]
    files = sorted((root / "ingested" / folder).glob(f"{prefix}_*.jsonl"))
    return b"".join(file.read_bytes() for file in files)


@lru_cache(maxsize=6)
def _frame(root: Path, kind: str) -> pl.DataFrame:
    frame = pl.read_ndjson(io.BytesIO(_bytes(root, kind)), infer_schema_length=None)
    numbers = [
        pl.col(name).cast(pl.Float64, strict=False)
        for name in frame.columns
        if name not in _CONSTANT
    ]
    return frame.with_columns(pl.col("collected_at").str.to_datetime(time_zone="UTC"), *numbers)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Recording]]:
    """`recorded("cpu_storm")`: ninety minutes with one fault; `recorded()`: with none.

    A recording has 25 MB, so only the last few are kept.
    """
    made: dict[tuple[object, ...], Recording] = {}

    def make(*faults: str, seed: int = 7, hours: float = 1.5) -> Recording:
        key = (faults, seed, hours)
        if key not in made:
            if len(made) >= _KEPT:
                shutil.rmtree(made.pop(next(iter(made))).root)
            root = tmp_path_factory.mktemp("recording")
            truth = simulate(root, seed=seed, start=START, hours=hours, faults=faults)
            made[key] = Recording(root, truth)
        made[key] = made.pop(key)  # the last one used goes last
        return made[key]

    yield make
    for recording in made.values():
        shutil.rmtree(recording.root)
