"""`boxwatch incidents`: what happened, and what a person says about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.console import Console
from rich.text import Text

from boxwatch import units, wiring
from boxwatch.cli.findings import FailOn, status_of
from boxwatch.cli.incident_labels import Id, label
from boxwatch.cli.options import Labels, seconds
from boxwatch.cli.printing import json_text, rows_table, show_json
from boxwatch.cli.report_files import write_text
from boxwatch.cli.session import Session, open_session
from boxwatch.clock import SystemClock
from boxwatch.incidents import Incident, State
from boxwatch.reports import Evidence, Line, findings, labelled, lines, standing

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, report, acknowledge, label incidents.",
)

FEW: Final = 100  # incidents in a table that nobody limited
WIDE: Final = 120  # columns of a terminal in which the table can be read

app.command("label")(label)

_STATES: Final = ", ".join(one.value for one in State)


def _state(text: str) -> State:
    """A state as it is printed, `false alarm`, or as JSON has it, `false_alarm`."""
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    if name not in {one.value for one in State}:
        raise typer.BadParameter(f"{text!r} is not a state; allowed: {_STATES}.")
    return State(name)


class Format(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - each narrows the list
    ctx: typer.Context,
    state: Annotated[
        State | None,
        typer.Option(
            parser=_state, metavar="STATE", help=f"Only incidents in this state: {_STATES}."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Only incidents of this host.")] = None,
    label: Labels = None,
    since: Annotated[
        float | None,
        typer.Option(
            parser=seconds, metavar="DURATION", help="Only those seen so long ago or later: 24h."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"The newest N; a table has {FEW} unless told."),
    ] = None,
    fail_on: FailOn = None,
) -> int:
    """List incidents, the newest last."""
    session = open_session(ctx)
    began = None if since is None else SystemClock().now() - timedelta(seconds=since)
    hosts = None if host is None else {host}
    if label:
        named = {one.name for one in wiring.labelled(session.settings, label)}
        hosts = named if hosts is None else hosts & named
    shortened = limit is None and not session.as_json and fail_on is None
    most = FEW + 1 if shortened else limit
    found = wiring.incidents(session.data, wiring.Selection(state, began, hosts, most))
    if shortened and len(found) > FEW:
        found = found[1:]
        session.notes.print(f"The newest {FEW}; --limit shows more, --state and --since select.")
    if since is not None and not found:
        _say_newest(session, wiring.Selection(state, None, hosts, 1))
    status = status_of(found, fail_on)
    try:
        _print(session, found)
    except SystemExit:  # whoever read us has had enough; findings stay findings
        raise typer.Exit(status) from None
    return status


@app.command()
def show(ctx: typer.Context, id_: Id) -> None:
    """Show one incident: what, when, why, what to do, and the evidence."""
    session = open_session(ctx)
    incident = wiring.incident(session.data, id_)
    if session.as_json:
        show_json(session.console, incident)
    else:
        _show(session.console, incident, lines(wiring.evidence(session.data, incident)))


@app.command()
def report(
    ctx: typer.Context,
    id_: Id,
    format_: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; none = standard output.")
    ] = None,
) -> None:
    """Write the report of one incident, with its log lines and its curves.

    With --json, the incident and its evidence are one JSON object.
    """
    session = open_session(ctx)
    incident = wiring.incident(session.data, id_)
    if session.as_json:
        text = json_text(_record(incident, wiring.evidence(session.data, incident)))
    else:
        text = wiring.report(session.data, incident, format_.value)
    if out is None:
        typer.echo(text)
    else:
        write_text(out, text)
        session.notes.print(f"Written to {out}.")


@app.command()
def ack(ctx: typer.Context, id_: Id) -> None:
    """Say that somebody looks after an incident."""
    _mark(ctx, id_, State.ACKNOWLEDGED)


@app.command("false-alarm")
def false_alarm(ctx: typer.Context, id_: Id) -> None:
    """Say that an incident was none."""
    _mark(ctx, id_, State.FALSE_ALARM)


@app.command()
def reopen(ctx: typer.Context, id_: Id) -> None:
    """Take back what was said of an incident: it is open, and the machine resolves it."""
    _mark(ctx, id_, State.OPEN)


def _mark(ctx: typer.Context, given: str, state: State) -> None:
    session = open_session(ctx)
    before = wiring.incident(session.data, given)
    changed = wiring.mark(session.data, before.id, state)
    if session.as_json:
        show_json(session.console, changed)
    else:
        was, now = (one.state.replace("_", " ") for one in (before, changed))
        session.console.print(f"{changed.id} was {was} and is now {now}.")


def _record(incident: Incident, evidence: Evidence) -> dict[str, object]:
    """An incident and its evidence for programs; event ids as text, JSON numbers are too short."""
    told = evidence.lines.with_columns(
        pl.Series(
            "around",
            [number in evidence.around for number in evidence.lines["event_id"]],
            pl.Boolean,
        ),
        pl.col("event_id").cast(pl.String),
    )
    series = [
        {"entity": entity, "metric": metric, "time": curve["time"].to_list()}
        | {"value": curve["value"].to_list()}
        for (entity, metric), curve in evidence.series.items()
    ]
    return {"incident": incident, "lines": told.to_dicts(), "series": series}


def _print(session: Session, found: Sequence[Incident]) -> None:
    if session.as_json:
        show_json(session.console, found)
    elif session.console.width >= WIDE or not found:
        session.console.print(rows_table([_row(one) for one in found]))
    else:
        for one in found:
            session.console.print(_block(one))


def _say_newest(session: Session, of: wiring.Selection) -> None:
    for newest in wiring.incidents(session.data, of):
        session.notes.print(f"The newest is of {newest.start:%Y-%m-%d %H:%M:%S} UTC.")


def _block(incident: Incident) -> Text:
    """One incident in two lines, for a terminal too narrow for the table."""
    lasted = units.print_lasted(incident.end - incident.start)
    state = standing(incident)
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
        "lasted": units.print_lasted(incident.end - incident.start),
        "host": incident.host,
        "entity": incident.entity,
        "severity": incident.severity,
        "state": incident.state.replace("_", " "),
        "label": "" if incident.label is None else str(incident.label.opinion),
        "what": incident.title,
    }


def _show(console: Console, incident: Incident, told: Sequence[Line]) -> None:
    console.print(Text(incident.title, "bold"))
    console.print(rows_table([_row(incident)], ("id", "start", "lasted", "severity", "state")))
    console.print(Text(f"Where: {incident.host}, {', '.join(incident.entities)}"))
    if incident.label is not None:
        console.print(Text(f"Label: {labelled(incident.label)}"))
    for cause in incident.causes:
        console.print(Text(f"Why ({cause.confidence:.0%}): {cause.text}: {cause.why}"))
    console.print(Text(f"What to do: {incident.action}"))
    for finding in findings(incident.detections):
        console.print(Text(f"\n{finding.first.name} on {finding.first.entity}", "bold"))
        for reason in finding.reasons:
            console.print(Text(f"  {reason}"))
    if told:
        console.print(Text("\nLines", "bold"))
    marked = any(line.around for line in told)
    for line in told:
        if line.jump:
            console.print(Text("  ...", "dim"))
        mark = "> " if marked and not line.around else "  "
        text = f"{mark}{line.time} {line.origin}: {line.message}"
        console.print(Text(text, "dim" if line.around else ""))
