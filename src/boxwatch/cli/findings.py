"""Findings as exit statuses: for scripts that want to fail when something is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import typer

from boxwatch.detections import Severity
from boxwatch.incidents import Incident, State

FOUND: Final = 1

FailOn = Annotated[
    Severity | None,
    typer.Option(help="Exit with 1 if there is an incident of at least this severity."),
]


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
