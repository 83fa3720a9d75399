"""Telling sinks of incidents: a sink that fails ends nothing and loses nothing soon.

The rule: what a sink refuses is kept, the newest word on each incident, and offered again with
every turn. Of more than a thousand incidents the oldest is dropped; that and every failure is
counted. A sink that cannot flush does not keep the state from being saved. Only a reader that has
gone away (a broken pipe) ends watching: there is nobody left to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from boxwatch import pulse
from boxwatch.incidents import Incident
from boxwatch.sinks import Sink

_MOST: Final = 1000  # incidents kept for a sink that fails


@dataclass(slots=True)
class Outlet:
    """A sink, and what it has not taken yet, by incident id."""

    sink: Sink
    waiting: dict[str, Incident] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How failures of it are counted."""
        return f"sink {type(self.sink).__name__.removesuffix('Sink').lower()}"

    def failed(self, error: str) -> None:
        """Count and tell a failure."""
        pulse.emit(pulse.PartFailed(part=self.name, error=error))


class Outlets:
    """All sinks of a loop."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._outlets = [Outlet(sink) for sink in sinks]

    def write(self, incidents: Sequence[Incident] = ()) -> None:
        """Hand on `incidents`, and what a sink has refused so far.

        Raises:
            BrokenPipeError: whoever read a sink has gone.

        """
        for outlet in self._outlets:
            for incident in incidents:
                outlet.waiting.pop(incident.id, None)
                outlet.waiting[incident.id] = incident
            if outlet.waiting:
                self._offer(outlet)

    def _offer(self, outlet: Outlet) -> None:
        try:
            outlet.sink.write(list(outlet.waiting.values()))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the loop's border
            outlet.failed(repr(error))
            while len(outlet.waiting) > _MOST:
                dropped = outlet.waiting.pop(next(iter(outlet.waiting)))
                outlet.failed(f"incident {dropped.id} was not told: too many wait")
        else:
            outlet.waiting.clear()

    def flush(self) -> None:
        """Flush every sink.

        Raises:
            BrokenPipeError: whoever read a sink has gone.

        """
        for outlet in self._outlets:
            try:
                outlet.sink.flush()
            except BrokenPipeError:
                raise
            except Exception as error:  # noqa: BLE001 - the loop's border
                outlet.failed(repr(error))
