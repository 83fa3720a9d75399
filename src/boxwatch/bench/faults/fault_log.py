"""The fault log of real GPU servers: how often what fails, and for how long.

InfiniteHBD-Trace (SIGCOMM 2025; Apache-2.0): 348 days of 400 servers, the start and the end of 584
faults, no telemetry. It is read where it lies and does not come with Boxwatch.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch.errors import UsageError

_FILE: Final = Path("metrics/gpu-faults/fault_trace.json")
_WHERE: Final = (
    "Put there metrics/gpu-faults/fault_trace.json, the fault log of InfiniteHBD-Trace "
    "(https://arxiv.org/abs/2502.03885)."
)
SOFTWARE: Final = "Software Failure"


@dataclass(frozen=True, slots=True)
class FaultLog:
    """Hours that faults lasted, by what the log calls them; all software faults under one name."""

    hours: Mapping[str, tuple[float, ...]]

    def lasted(self, names: Sequence[str]) -> tuple[float, ...]:
        """The hours of all faults with one of these names; those of software where none has."""
        found = tuple(hours for name in names for hours in self.hours.get(name, ()))
        return found or self.hours[SOFTWARE]

    def count(self, names: Sequence[str]) -> int:
        """How many faults have one of these names."""
        return sum(len(self.hours.get(name, ())) for name in names)


def read(folder: Path | None) -> FaultLog:
    """The log below `folder`.

    Raises:
        UsageError: no folder was given, or the log is not in it or is no such log.

    """
    if folder is None:
        raise UsageError(
            "This bench reads a fault log of real servers; --data-sets DIR says where it is.",
            hint=_WHERE,
        )
    path = folder / _FILE
    if not path.exists():
        raise UsageError(f"There is no {str(path)!r}.", hint=_WHERE)
    try:
        return FaultLog(_hours(json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{str(path)!r} is no fault log: {error!r}.", hint=_WHERE) from error


def _hours(events: Sequence[Mapping[str, object]]) -> dict[str, tuple[float, ...]]:
    began: dict[tuple[str, str], float] = {}
    lasted: dict[str, list[float]] = defaultdict(list)
    for event in events:
        kind = event["fault_type"]
        if not isinstance(kind, dict):
            raise TypeError(f"fault_type is {kind!r}")
        key = (str(event["node_id"]), json.dumps(kind, sort_keys=True))
        at = float(str(event["event_time"]))
        if event["event_type"] == "fault_start":
            began[key] = at
        elif key in began:
            hours = 24.0 * (at - began.pop(key))
            lasted[str(kind["Desc"])].append(hours)
            if kind["Level"] == SOFTWARE:
                lasted[SOFTWARE].append(hours)
    if SOFTWARE not in lasted:
        raise ValueError("no software fault is in it")
    return {name: tuple(hours) for name, hours in lasted.items()}
