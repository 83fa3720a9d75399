"""`boxwatch drift`: whether machines still are what the models learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from boxwatch import wiring
from boxwatch.cli.options import seconds
from boxwatch.cli.printing import record, rows_table, show, show_json
from boxwatch.cli.report_files import write_text
from boxwatch.cli.session import open_session, progress

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Whether machines still are what the models in use learned.",
)


@app.callback()
def _group() -> None:
    """Whether machines still are what the models in use learned."""


@app.command()
def report(
    ctx: typer.Context,
    since: Annotated[
        float,
        typer.Option(
            parser=seconds, metavar="DURATION", help="Compare the windows of this long until now."
        ),
    ] = 12 * 3600.0,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with pictures, too, that stands alone."),
    ] = None,
    evidently: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write Evidently's page of each view, too: FILE-VIEW.html (boxwatch[evidently]).",
        ),
    ] = None,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit with status 1 if anything moved.")
    ] = False,
) -> int:
    """Compare windows of late with those that the version in use learned from.

    Windows in incidents are left out: a fault is no drift. A feature moved where the whole
    interval of its change is beyond its limit and beyond what it did while the model learned.
    Scores, the rate of alarms, the kinds of log lines and what people said of alarms are compared,
    too: they tell data drift, concept drift and model decay apart.
    """
    session = open_session(ctx)
    with progress(session) as told:
        found = wiring.drift(session.data, since, told, session.settings.logs.own_masks())
        if html is not None:
            write_text(html, wiring.drift_html(session.data, found))
            session.notes.print(f"Written to {html}.")
        if evidently is not None:
            for file in wiring.write_evidently(session.data, found, evidently):
                session.notes.print(f"Written to {file}.")
    if session.as_json:
        show_json(session.console, found)
    else:
        fields = record(found)
        moved, outputs = fields.pop("moved"), fields.pop("outputs")
        said = fields.pop("feedback")
        show(session, {**fields, "alarms by their labels": _labels(said)})  # type: ignore[arg-type]
        if found.moved:
            session.console.print(Text("moved, clearest first", "bold"))
            session.console.print(rows_table(moved))  # type: ignore[arg-type]
        if found.outputs:
            session.console.print(Text("scores, alarms, lines", "bold"))
            session.console.print(rows_table(outputs))  # type: ignore[arg-type]
    return 1 if fail_on_drift and found.kind != "none" else 0


def _labels(said: wiring.Feedback) -> str:
    """How many alarms were right, before and of late, with the interval of that share."""
    parts = []
    for when, one in (("before", said.before), ("of late", said.late)):
        share = "unknown" if one.share is None else f"{one.share:.0%}"
        parts.append(
            f"{when} {share} real ({one.real} of {one.real + one.false}, "
            f"{one.low:.0%} to {one.high:.0%})"
        )
    return f"{'; '.join(parts)}; {said.expected} expected"
