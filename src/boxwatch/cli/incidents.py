"""`boxwatch incidents`: what happened, and what a person says about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from boxwatch import units, wiring
from boxwatch.cli.findings import FailOn, status_of
from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import Session, open_session
from boxwatch.errors import UsageError
from boxwatch.incidents import Incident, State

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, report, acknowledge incidents.",
)

WIDE = 120  # columns of a terminal in which the table can be read

Id = Annotated[str, typer.Argument(metavar="ID", help="An incident, or the start of its id.")]


class Format(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[State | None, typer.Option(help="Only incidents in this state.")] = None,
    fail_on: FailOn = None,
) -> int:
    """List incidents, the newest last."""
    session = open_session(ctx)
    found = sorted(wiring.incidents(session.settings, session.data), key=lambda one: one.start)
    found = [one for one in found if state is None or one.state is state]
    if session.as_json:
        show_json(session.console, found)
    elif session.console.width >= WIDE or not found:
        session.console.print(rows_table([_row(one) for one in found]))
    else:
        for one in found:
            session.console.print(_block(one))
    return status_of(found, fail_on)


@app.command()
def show(ctx: typer.Context, id_: Id) -> None:
    """Show one incident: what, when, why, what to do, and the evidence."""
    session = open_session(ctx)
    incident = _find(session, id_)
    if session.as_json:
        show_json(session.console, incident)
    else:
        _show(session.console, incident)


@app.command()
def report(
    ctx: typer.Context,
    id_: Id,
    format_: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; none = standard output.")
    ] = None,
) -> None:
    """Write the report of one incident, with its log lines and its curves."""
    session = open_session(ctx)
    incident = _find(session, id_)
    text = wiring.report(session.settings, session.data, incident, format_.value)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
        session.notes.print(f"Written to {out}.")


@app.command()
def ack(ctx: typer.Context, id_: Id) -> None:
    """Say that somebody looks after an incident."""
    _mark(ctx, id_, State.ACKNOWLEDGED)


@app.command("false-alarm")
def false_alarm(ctx: typer.Context, id_: Id) -> None:
    """Say that an incident was none."""
    _mark(ctx, id_, State.FALSE_ALARM)


def _mark(ctx: typer.Context, given: str, state: State) -> None:
    session = open_session(ctx)
    incident = _find(session, given)
    changed = wiring.mark(session.settings, session.data, incident.id, state)
    if session.as_json:
        show_json(session.console, changed)
    else:
        session.console.print(f"{changed.id} is now {changed.state.replace('_', ' ')}.")


def _find(session: Session, given: str) -> Incident:
    found = [
        one for one in wiring.incidents(session.settings, session.data) if one.id.startswith(given)
    ]
    exact = [one for one in found if one.id == given]
    if len(exact or found) != 1:
        many = f"{len(found)} incidents begin with" if found else "No incident begins with"
        raise UsageError(
            f"{many} {given!r} in {str(session.data)!r}.", hint="See `boxwatch incidents list`."
        )
    return (exact or found)[0]


def _block(incident: Incident) -> Text:
    """One incident in two lines, for a terminal too narrow for the table."""
    lasted = units.print_duration((incident.end - incident.start).total_seconds())
    state = incident.state.replace("_", " ")
    return Text.assemble(
        (incident.id, "bold"),
        f"  {incident.start:%Y-%m-%d %H:%M:%S} UTC  {lasted}\n",
        f"  {incident.severity}, {state}, {incident.host} {incident.entity}\n",
        f"  {incident.title}",
    )


def _row(incident: Incident) -> dict[str, object]:
    return {
        "id": incident.id,
        "start": incident.start,
        "lasted_s": (incident.end - incident.start).total_seconds(),
        "host": incident.host,
        "entity": incident.entity,
        "severity": incident.severity,
        "state": incident.state.replace("_", " "),
        "what": incident.title,
    }


def _show(console: Console, incident: Incident) -> None:
    console.print(Text(incident.title, "bold"))
    console.print(rows_table([_row(incident)], ("id", "start", "lasted_s", "severity", "state")))
    console.print(Text(f"Where: {incident.host}, {', '.join(incident.entities)}"))
    for cause in incident.causes:
        console.print(Text(f"Why ({cause.confidence:.0%}): {cause.text}: {cause.why}"))
    console.print(Text(f"What to do: {incident.action}"))
    for detection in incident.detections:
        console.print(Text(f"\n{detection.name} on {detection.entity}", "bold"))
        for reason in detection.reasons:
            console.print(Text(f"  {reason.text}"))
