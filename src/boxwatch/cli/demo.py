"""`boxwatch demo`: the whole way, on a machine that is simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from boxwatch import units
from boxwatch.bench.demo import DemoResult, run
from boxwatch.cli.findings import counted
from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import open_session, progress

FOLDER: Final = Path("boxwatch-demo")
WIDE: Final = 140  # columns of a terminal in which the table can be read
COLUMNS: Final = ("start", "host", "entity", "severity", "title", "why", "action")


def demo(
    ctx: typer.Context,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Which day: faults, their times and the load follow from it."),
    ] = 1,
) -> None:
    """Show everything on a simulated AI server with faults.

    A day of a server with two GPUs is made up, second by second, with faults in it. Its records
    go the same way as those of a real machine; then what was found is held against what was put
    in. Nothing of this machine is read. The default data folder is boxwatch-demo.
    """
    session = open_session(ctx, data=FOLDER)
    with progress(session) as report:
        result = run(session.settings, session.data, seed, report)
    if session.as_json:
        show_json(session.console, result)
    else:
        _show(session.console, result)


def _block(incident: Mapping[str, object]) -> Text:
    """One incident in a few lines, for a terminal too narrow for the table."""
    return Text.assemble(
        f"{incident['start']:%Y-%m-%d %H:%M:%S}  ",
        (str(incident["severity"]), "bold"),
        f"  {incident['host']} {incident['entity']}\n",
        (f"  {incident['title']}\n", "bold"),
        f"  Why: {incident['why']}\n",
        f"  Do:  {incident['action']}\n",
    )


def _several(result: DemoResult) -> str:
    """How many incidents there are for how many faults: a fault may show in several places."""
    told = Counter(str(one["fault"]) for one in result.incidents if one["fault"] is not None)
    again = ", ".join(name for name, count in told.items() if count > 1)
    faults = f"{result.faults_found} fault{'' if result.faults_found == 1 else 's'}"
    about = f"{counted(sum(told.values()))} for {faults}"
    return f"{about}: more than one incident each for {again}." if again else f"{about}."


def _show(console: Console, result: DemoResult) -> None:
    console.print(
        Text(
            f"This machine is simulated (seed {result.seed}): a day of an AI server with faults.",
            "bold",
        )
    )
    if console.is_terminal and console.width >= WIDE:
        console.print(rows_table(result.incidents, COLUMNS))
    else:
        for incident in result.incidents:
            console.print(_block(incident))
    console.print(
        f"Found {result.faults_found} of {result.faults_injected} faults, "
        f"{result.false_alarms} false alarms, in {units.print_duration(result.elapsed_s)}."
    )
    console.print(_several(result))
    if result.missed:
        console.print(f"Missed: {', '.join(result.missed)}.")
    console.print(f"Report: {result.report_path}", soft_wrap=True)
