"""The public tables that this bench reads: where they lie and what they are like.

None of them comes with Boxwatch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.bench.detectors.volume import Labels
from boxwatch.errors import UsageError

WHERE: Final = (
    "Put there metrics/smd/machine-*.npz, metrics/asd/omi-*.npz and metrics/jumpstarter-d2/"
    "service-*.npz with the arrays train, test and label (Server Machine Dataset and ASD of "
    "https://github.com/NetManAIOps/OmniAnomaly and https://github.com/zhhlee/InterFusion, "
    "dataset2 of https://github.com/NetManAIOps/JumpStarter), metrics/interpretation/NAME.txt, "
    "and data and labels of https://github.com/numenta/NAB in metrics/nab."
)


@dataclass(frozen=True, slots=True)
class TableSet:
    """Machines of one kind; `choosing` are those that settings were chosen by."""

    name: str
    folder: str
    interval_s: float
    choosing: frozenset[str]


SETS: Final = (
    TableSet("SMD", "smd", 60.0, frozenset({"machine-1-7", "machine-2-1", "machine-3-4"})),
    TableSet("ASD", "asd", 300.0, frozenset({"omi-1", "omi-2", "omi-3"})),
    TableSet(
        "JumpStarter D2",
        "jumpstarter-d2",
        300.0,
        frozenset(f"service-{number}" for number in range(0, 15, 2)),
    ),
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One machine: readings to learn from, readings to judge, and what people said of these."""

    name: str
    train: NDArray[np.float64]
    test: NDArray[np.float64]
    label: Labels
    truth: list[tuple[int, int, frozenset[int]]]


def paths(folder: Path | None, kind: TableSet, size: int | None) -> list[Path]:
    """The files of a set in the order of their numbers, `size` of them at most.

    Raises:
        UsageError: no folder was given, or the set is not in it.
    """
    if folder is None:
        raise UsageError(
            "This bench reads public data sets; --data-sets DIR says where they are.", hint=WHERE
        )
    found = sorted((folder / "metrics" / kind.folder).glob("*.npz"), key=_numbers)
    if not found:
        raise UsageError(f"There is no {kind.name} in {str(folder)!r}.", hint=WHERE)
    return found[:size]


def read(path: Path) -> Labelled:
    """One machine."""
    with np.load(path, allow_pickle=False) as file:
        train, test = file["train"].astype(np.float64), file["test"].astype(np.float64)
        label = file["label"].astype(bool)
    reasons = path.parents[1] / "interpretation" / f"{path.stem}.txt"
    return Labelled(path.stem, train, test, label, _truth(reasons) if reasons.exists() else [])


def _truth(path: Path) -> list[tuple[int, int, frozenset[int]]]:
    """Lines of `first-last:metric,metric`, metrics counted from 1."""
    found = []
    for line in path.read_text(encoding="utf-8").split():
        first, last, metrics = re.split("[-:]", line)
        named = frozenset(int(one) - 1 for one in metrics.split(","))
        found.append((int(first), int(last), named))
    return found


def _numbers(path: Path) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", path.stem)]
