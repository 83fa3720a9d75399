"""Findings as exit statuses: for scripts that want to fail when something is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Annotated, Final

import typer

from boxwatch.detections import Severity
from boxwatch.incidents import Incident, State
from boxwatch.settings import Settings

FOUND: Final = 1
_OPTION: Final = "command line"  # where a setting that an option gave comes from

FailOn = Annotated[
    Severity | None,
    typer.Option(help="Exit with 1 if there is an incident of at least this severity."),
]


def listing(settings: Settings) -> str:
    """The command that lists what was found: the next step, with the data folder if it was named.

    A name from the settings file holds for the next command, too.
    """
    named = settings.where("data.folder") == _OPTION
    folder = f"--data {shlex.quote(str(settings.data.folder))} " if named else ""
    return f"boxwatch {folder}incidents list"


def counted(incidents: int) -> str:
    """`1 incident`, `2 incidents`."""
    return f"{incidents} incident{'' if incidents == 1 else 's'}"


def status_of(incidents: Iterable[Incident], fail_on: Severity | None) -> int:
    """1 if one of `incidents`, false alarms apart, is at least as bad as `fail_on`; else 0."""
    if fail_on is None:
        return 0
    bad = (
        incident.severity.rank >= fail_on.rank
        for incident in incidents
        if incident.state is not State.FALSE_ALARM
    )
    return FOUND if any(bad) else 0
