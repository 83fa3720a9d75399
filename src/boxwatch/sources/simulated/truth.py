"""What was injected into a simulated recording: the answers it is scored against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from boxwatch.errors import UsageError

FILE_NAME: Final = "truth.json"


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One fault. `start` and `end` are instants of the recording's own timestamps, UTC.

    `entity` is where it is; `also` lists other entities on which finding it would be right too.
    `shows` is when it can first be seen: a card at rest does not show that it is slow.
    """

    name: str
    host: str
    entity: str
    start: datetime
    end: datetime
    description: str
    also: tuple[str, ...] = ()
    shows: datetime | None = None

    @property
    def entities(self) -> tuple[str, ...]:
        """Every entity on which finding this fault is right, the main one first."""
        return (self.entity, *self.also)


@dataclass(frozen=True, slots=True)
class Truth:
    """All faults of a recording, by start. Nothing is injected before `quiet_until`.

    The time from `start` to `quiet_until` is commissioning time: whatever happens in it is normal.
    """

    seed: int
    host: str
    start: datetime
    end: datetime
    quiet_until: datetime
    faults: tuple[InjectedFault, ...]

    def __len__(self) -> int:
        """How many faults were injected."""
        return len(self.faults)

    def __iter__(self) -> Iterator[InjectedFault]:
        """The faults, by start."""
        return iter(self.faults)

    def save(self, root: Path) -> Path:
        """Write `truth.json` into `root`; returns its path."""
        path = root / FILE_NAME
        record = {
            "seed": self.seed,
            "host": self.host,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "quiet_until": self.quiet_until.isoformat(),
            "faults": [_to_json(fault) for fault in self.faults],
        }
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, root: Path) -> Truth:
        """Read what `save` wrote.

        Raises:
            UsageError: there is no `truth.json` in `root`, or it is not one.

        """
        path = root / FILE_NAME
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                seed=int(record["seed"]),
                host=str(record["host"]),
                start=datetime.fromisoformat(record["start"]),
                end=datetime.fromisoformat(record["end"]),
                quiet_until=datetime.fromisoformat(record["quiet_until"]),
                faults=tuple(_from_json(fault) for fault in record["faults"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"The list of injected faults {str(path)!r} cannot be read: {error!r}.",
                hint="Make the recording again with `boxwatch demo`.",
            ) from error


def _to_json(fault: InjectedFault) -> dict[str, object]:
    return {
        "name": fault.name,
        "host": fault.host,
        "entity": fault.entity,
        "start": fault.start.isoformat(),
        "end": fault.end.isoformat(),
        "description": fault.description,
        "also": list(fault.also),
        "shows": None if fault.shows is None else fault.shows.isoformat(),
    }


def _from_json(record: Mapping[str, object]) -> InjectedFault:
    also = record["also"]
    if not isinstance(also, list):
        raise TypeError(f"`also` is {also!r}, must be a list")
    shows = record.get("shows")
    return InjectedFault(
        name=str(record["name"]),
        host=str(record["host"]),
        entity=str(record["entity"]),
        start=datetime.fromisoformat(str(record["start"])),
        end=datetime.fromisoformat(str(record["end"])),
        description=str(record["description"]),
        also=tuple(str(entity) for entity in also),
        shows=None if shows is None else datetime.fromisoformat(str(shows)),
    )
