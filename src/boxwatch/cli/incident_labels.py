"""`boxwatch incidents label`: what a person says an incident was."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from boxwatch import wiring
from boxwatch.cli.options import seconds
from boxwatch.cli.printing import show_json
from boxwatch.cli.session import open_session
from boxwatch.incidents import Opinion

_WEEK: Final = 7 * 86400.0
Id = Annotated[str, typer.Argument(metavar="ID", help="An incident, or the start of its id.")]


class Said(StrEnum):
    """What can be said of an incident."""

    REAL = "real"
    FALSE = "false"
    EXPECTED = "expected"
    NONE = "none"


def label(
    ctx: typer.Context,
    id_: Id,
    said: Annotated[
        Said, typer.Argument(metavar="OPINION", help="real, false, expected; none takes it back.")
    ],
    note: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    expected_for: Annotated[
        float,
        typer.Option(
            "--for",
            parser=seconds,
            metavar="DURATION",
            help="How long it is expected, from now.",
            show_default="7d",
        ),
    ] = _WEEK,
) -> None:
    """Say what an incident was: real, false, or expected.

    The time of a real one is never learned from; that of a false or an expected one is, at the next
    training. While it is expected, windows of the same entity that are unusual in the same features
    and no more than then open no incident; known failures and findings in logs are told as ever.
    """
    session = open_session(ctx)
    opinion = None if said is Said.NONE else Opinion(said.value)
    done = wiring.label(session.data, id_, opinion, note, expected_for)
    if session.as_json:
        show_json(session.console, done)
        return
    given = done.incident.label
    name = done.incident.id
    if given is None:
        session.console.print(f"{name} has no label now.", highlight=False)
        return
    until = "" if given.until is None else f" until {given.until.astimezone():%Y-%m-%d %H:%M}"
    session.console.print(f"{name} is labelled {given.opinion}{until}.", highlight=False)
    if done.still_told:
        told = ", ".join(done.still_told)
        session.notes.print(f"Told as ever, since only windows are held back: {told}.")
