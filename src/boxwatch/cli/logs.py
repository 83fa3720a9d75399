"""`boxwatch logs`: the stored lines, and files of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from boxwatch import wiring
from boxwatch.cli import log_queries
from boxwatch.cli.printing import show
from boxwatch.cli.session import open_session, progress

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Kinds, rates and search of stored lines; templates and sessions of any file.",
)
for _query in (
    log_queries.templates,
    log_queries.new,
    log_queries.rare,
    log_queries.rates,
    log_queries.search,
):
    app.command()(_query)

Out = Annotated[Path, typer.Option(metavar="FILE", help="The Parquet file to write.")]


@app.command()
def parse(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Logs to read.")],
    out: Out,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Read Parquet, with the messages in this column."),
    ] = None,
) -> None:
    """Write the template and the parameters of every line to a Parquet file.

    Plain text has one message a line. Columns: line (from 1, over all files), template_id,
    template, parameters.
    """
    session = open_session(ctx)
    with progress(session) as told:
        masks = session.settings.logs.own_masks()
        report = wiring.parse_logs(files, column, out, told, masks)
    show(session, report)


class Judge(StrEnum):
    """What judges sessions."""

    COUNTS = "counts"
    SEQUENCE = "sequence"


@app.command()
def score(  # noqa: PLR0913, PLR0917 - two files, what their columns are, and where to
    ctx: typer.Context,
    train: Annotated[Path, typer.Option(metavar="FILE", help="Parquet to learn from.")],
    test: Annotated[Path, typer.Option(metavar="FILE", help="Parquet to judge.")],
    session: Annotated[str, typer.Option(metavar="COLUMN", help="What tells sessions apart.")],
    out: Out,
    column: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of the messages.")
    ] = "message",
    time: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of the times, if there is one.")
    ] = "time",
    detector: Annotated[
        Judge, typer.Option(help="By how often lines come, or by their order too (boxwatch[deep]).")
    ] = Judge.COUNTS,
) -> None:
    """Judge the sessions of one log by those of another; no labels are needed.

    Writes one row for each session: score, p_value, alarm, reasons. The threshold comes from the
    training file alone.
    """
    opened = open_session(ctx)
    columns = wiring.LogColumns(column, time, session)
    masks = opened.settings.logs.own_masks()
    show(opened, wiring.score_logs(train, test, columns, out, masks, detector))
