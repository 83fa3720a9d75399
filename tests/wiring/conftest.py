"""A small simulated collection, and the same folder after every step of the batch way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.wiring.command import Answer, well

from boxwatch.sources.simulated import simulate


@pytest.fixture(scope="session")
def collected(tmp_path_factory) -> Path:
    """Three quarters of an hour of a server whose card falls off the bus; nothing stored yet."""
    root = tmp_path_factory.mktemp("collected")
    start = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
    simulate(root, seed=1, start=start, hours=0.75, faults=("gpu_off_bus",))
    return root


@dataclass(frozen=True)
class Way:
    """A data folder that went the whole batch way, and what each step said."""

    data: Path
    said: dict[str, Answer]


@pytest.fixture(scope="session")
def way(collected, tmp_path_factory) -> Way:
    """Every step once."""
    data = tmp_path_factory.mktemp("way") / "data"
    shutil.copytree(collected, data)
    said = {"normalize": well("normalize", "--export", "--json", "--data", data)}
    for step in ("features", "train", "detect"):
        said[step] = well(step, "--json", "--data", data)
    return Way(data, said)


@pytest.fixture
def data(way, tmp_path) -> Path:
    """A copy of the finished folder that a test may harm; without the exports, 90 MB of them."""
    spared = shutil.ignore_patterns("processed")
    return shutil.copytree(way.data, tmp_path / "data", ignore=spared)
