"""`boxwatch check`: what this machine offers."""

from __future__ import annotations

import typer

from boxwatch import wiring
from boxwatch.cli.printing import show
from boxwatch.cli.session import open_session


def check(ctx: typer.Context) -> None:
    """Say what this machine offers, what is missing, and how to get it."""
    session = open_session(ctx)
    show(session, wiring.check(session.settings, session.data))
