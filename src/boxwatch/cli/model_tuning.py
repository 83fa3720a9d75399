"""`boxwatch models tune` and `studies`: options searched for, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from boxwatch import reports, wiring
from boxwatch.cli.model_pages import write_page
from boxwatch.cli.options import For
from boxwatch.cli.printing import record, rows_table, show, show_json
from boxwatch.cli.session import open_session, progress
from boxwatch.errors import UsageError

_MOST_ROWS: Final = 20  # trials that are listed for people

Trials = Annotated[
    int, typer.Option(min=1, max=100_000, help="Sets of options to try, in all of the study.")
]
StudyName = Annotated[
    str, typer.Option("--study", metavar="NAME", help="The study; one that is there goes on.")
]
Jobs = Annotated[
    int, typer.Option(min=1, max=64, help="Processes that try sets of options at one time.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page to FILE.")
]


def tune(
    ctx: typer.Context,
    trials: Trials = 50,
    for_: For = None,
    study: StudyName = "default",
    jobs: Jobs = 1,
) -> None:
    """Search for better options of the detectors: those that find more injected faults.

    Judged on windows that neither training nor the gates will use, at the budget of false alarms.
    Ctrl-C or a kill loses nothing but the trials that run: the same command goes on. What is found
    is used by `boxwatch train --study NAME` and has to pass the gates like everything else.
    """
    session = open_session(ctx)
    wanted = wiring.TuningWanted(study, trials, for_, jobs)
    with progress(session) as report:
        result = wiring.tune(session.settings, session.data, wanted, report)
    if session.as_json:
        show_json(session.console, result)
    else:
        fields = record(result)
        show(session, {key: one for key, one in fields.items() if key != "mlflow" or one})


def studies(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One study.")] = None,
    html: Html = None,
) -> None:
    """List the studies, or show the trials of one, the best first."""
    session = open_session(ctx)
    if name is None:
        if html is not None:
            raise UsageError("--html needs the study to show.", hint="Name one of the list.")
        show(session, wiring.studies(session.data))
        return
    found = wiring.study(session.data, name)
    if html is not None:
        write_page(html, reports.study_page(found))
        session.notes.print(f"Written to {html}.")
    elif session.as_json:
        show_json(session.console, found)
    else:
        fields = record(found)
        shown = ("name", "task", "objective", "began")
        show(session, {key: fields[key] for key in shown})
        ended = [one for one in found.trials if one.objective is not None]
        ended.sort(key=lambda one: (-(one.objective or 0.0), one.number))
        columns = ("number", "objective", "seconds", "values")
        session.console.print(Text("trials, the best first", "bold"))
        session.console.print(rows_table(ended[:_MOST_ROWS], columns))
