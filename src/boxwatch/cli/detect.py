"""`boxwatch detect`: find incidents in what is stored, or say where thresholds come from."""

from __future__ import annotations

from typing import Annotated

import typer

from boxwatch import wiring
from boxwatch.cli import thresholds
from boxwatch.cli.findings import FailOn, listing, status_of
from boxwatch.cli.printing import show
from boxwatch.cli.session import open_session, progress


def detect(
    ctx: typer.Context,
    fail_on: FailOn = None,
    explain_threshold: Annotated[
        bool,
        typer.Option(
            "--explain-threshold",
            help="Say where the thresholds in use come from; nothing is judged.",
        ),
    ] = False,
) -> int:
    """Find incidents in the stored events."""
    session = open_session(ctx)
    if explain_threshold:
        found = wiring.explain_thresholds(session.settings, session.data)
        if session.as_json:
            show(session, found)
        else:
            session.console.print("\n".join(thresholds.lines(found)), soft_wrap=True, markup=False)
        return 0
    with progress(session) as report:
        result = wiring.detect(session.settings, session.data, report)
    show(session, result)
    if result.incidents and not session.as_json:
        session.notes.print(f"Next: {listing(session.settings)}", soft_wrap=True)
    return status_of(wiring.incidents(session.data), fail_on)
