"""A sink that keeps incidents in memory: for asking at the end of a run what happened in it."""

from __future__ import annotations

from collections.abc import Sequence

from boxwatch.incidents.incident import Incident


class MemorySink:
    """Keeps the newest record of each incident, in the order they were opened."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self.writes = 0
        self.closed = False

    @property
    def incidents(self) -> list[Incident]:
        """Every incident seen, as it stood last."""
        return list(self._incidents.values())

    def write(self, incidents: Sequence[Incident]) -> None:
        """Keep `incidents`."""
        self.writes += 1
        self._incidents.update((incident.id, incident) for incident in incidents)

    def flush(self) -> None:
        """Nothing to do: memory is where they belong."""

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
