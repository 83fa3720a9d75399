"""Incidents on the terminal, as they open, grow worse and close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from boxwatch.detections.detection import Severity
from boxwatch.incidents.incident import Incident, State
from boxwatch.units import print_lasted

STYLES: Final = {
    Severity.INFO: "cyan",
    Severity.LOW: "blue",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "bold red",
    Severity.CRITICAL: "bold white on red",
}


class ConsoleSink:
    """Prints one line when an incident opens, worsens or ends, with cause and action below.

    Colours only where the console is a terminal that wants them. Growth that changes neither
    state nor severity prints nothing. Line breaks and control characters in what a log said
    cannot reach the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, tuple[State, Severity]] = {}

    def write(self, incidents: Sequence[Incident]) -> None:
        """Print what changed, at once."""
        for incident in incidents:
            now = (incident.state, incident.severity)
            before = self._seen.get(incident.id)
            if now != before:
                self._seen[incident.id] = now
                self._print(incident, before)

    def flush(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """The console belongs to whoever made it."""

    def _print(self, incident: Incident, before: tuple[State, Severity] | None) -> None:
        if incident.state is State.OPEN:
            verb = "OPENED" if before is None or before[0] is not State.OPEN else "NOW"
            at = incident.start if verb == "OPENED" else incident.end
        else:
            verb = incident.state.replace("_", " ").upper()
            at = incident.end
        line = Text()
        line.append(f"{at.astimezone():%Y-%m-%d %H:%M:%S}  ", "dim")
        line.append(f"{incident.severity.upper():<8}", STYLES[incident.severity])
        line.append(f"  {verb:<8}  {_clean(incident.title)}")
        line.append(f"  {_clean(incident.host)} {_clean(incident.entity)}", "dim")
        if incident.state is State.RESOLVED:
            line.append(f"  after {print_lasted(incident.end - incident.start)}", "dim")
        self._console.print(line, soft_wrap=True)
        if verb == "OPENED":
            self._print_below(incident)

    def _print_below(self, incident: Incident) -> None:
        if incident.causes:
            self._console.print(
                Text(f"    why: {_clean(incident.causes[0].text)}", "dim"), soft_wrap=True
            )
        if incident.action:
            self._console.print(Text(f"    do:  {_clean(incident.action)}", "dim"), soft_wrap=True)
        self._console.print(Text(f"    boxwatch incidents show {incident.id}", "dim"))


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
