"""`boxwatch learn`: models that look after themselves, beside `boxwatch up`."""

from __future__ import annotations

from typing import Annotated

import typer

from boxwatch import wiring
from boxwatch.cli.options import seconds
from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import Session, open_session, progress
from boxwatch.store import Lesson

_COLUMNS = ("began", "state", "cause", "why", "outcome")


def learn(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Look once; train only where there is a reason.")
    ] = False,
    now: Annotated[
        str | None,
        typer.Option("--now", metavar="REASON", help="Train at once, for this reason; then end."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Show what was done and why, the newest first.")
    ] = False,
    every: Annotated[
        float,
        typer.Option(
            parser=seconds,
            metavar="DURATION",
            help="Time between two looks.",
            show_default="10m",
        ),
    ] = 600.0,
) -> int:
    """Train anew where there is a reason, and put in use what the gates let through.

    Reasons are: nothing is in use yet, something drifted, people gave labels, or it is time
    (models.retrain_every). Runs beside `boxwatch up` at low priority until Ctrl-C; may be killed
    at any instant. Time in incidents is never learned from, unless people called them false or
    expected. After refusals it waits longer each time.
    """
    session = open_session(ctx)
    if history:
        _history(session)
        return 0
    if once or now is not None:
        with progress(session) as report:
            lesson, waits_for = wiring.learn_once(session.settings, session.data, now, report)
        _tell(session, lesson, waits_for)
        return 1 if lesson is not None and lesson.state == "failed" else 0
    told = ""

    def tell(lesson: Lesson | None, waits_for: str) -> None:
        nonlocal told
        if lesson is not None or waits_for != told:
            _tell(session, lesson, waits_for)
        told = waits_for

    wiring.learn(session.settings, session.data, every, tell)
    return 0


def _history(session: Session) -> None:
    found = wiring.lessons(session.data)
    if session.as_json:
        show_json(session.console, found)
    else:
        session.console.print(rows_table(found, _COLUMNS))


def _tell(session: Session, lesson: Lesson | None, waits_for: str) -> None:
    if session.as_json:
        show_json(session.console, {"lesson": lesson, "waits_for": waits_for})
    elif lesson is None:
        session.console.print(f"Nothing to do: {waits_for}.", soft_wrap=True)
    else:
        session.console.print(f"{lesson.cause}: {lesson.why}. {lesson.outcome}", soft_wrap=True)
