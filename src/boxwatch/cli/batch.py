"""The steps of the batch way, each a command over a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from boxwatch import wiring
from boxwatch.cli.options import seconds
from boxwatch.cli.printing import record, show
from boxwatch.cli.session import Session, open_session, progress


def collect(
    ctx: typer.Context,
    since: Annotated[
        float | None,
        typer.Option(
            parser=seconds,
            metavar="DURATION",
            help="Also read what the logs kept of this long ago until now, such as 24h.",
        ),
    ] = None,
) -> None:
    """Read every source once and keep the raw records.

    They become files below ingested/ in the data folder, one folder a source, one JSON object a
    line, exactly as the tools gave them.
    """
    session = open_session(ctx)
    show(session, wiring.collect(session.settings, session.data, since))


def normalize(
    ctx: typer.Context,
    export: Annotated[
        bool, typer.Option("--export", help="Also write processed/combined_events.*.")
    ] = False,
) -> None:
    """Turn raw records into the event store.

    Times become UTC, severities numbers, and what cannot be understood is set aside with a
    reason. A record that is there already is not stored twice.
    """
    session = open_session(ctx)
    with progress(session) as report:
        result = wiring.normalize(session.settings, session.data, export, report)
    _show_known(session, result)


def features(ctx: typer.Context) -> None:
    """Turn stored events into windows of features."""
    session = open_session(ctx)
    with progress(session) as report:
        result = wiring.features(session.settings, session.data, report)
    show(session, result)


def train(
    ctx: typer.Context,
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Use the best options of this study (`models tune`)."),
    ] = None,
) -> None:
    """Fit the models to the stored windows."""
    session = open_session(ctx, {"models.study": study})
    with progress(session) as report:
        result = wiring.train(session.settings, session.data, report)
    _show_known(session, result)


def replay(
    ctx: typer.Context,
    into: Annotated[
        Path, typer.Option(metavar="FOLDER", help="A new data folder for what comes out.")
    ],
    with_models: Annotated[
        bool,
        typer.Option(
            "--with-models", help="Judge with the models trained in the recording's folder."
        ),
    ] = False,
) -> None:
    """Run a recording through again, from the beginning.

    The recording is the data folder; it is only read. The incidents are those that watching it
    live gave. What is normal is learned anew, unless models are taken along.
    """
    session = open_session(ctx)
    with progress(session) as report:
        result = wiring.replay(
            session.settings, session.data, into, report, with_models=with_models
        )
    show(session, result)


def repair(ctx: typer.Context) -> None:
    """Set damaged files of a data folder aside, so that the rest can be read.

    Nothing is deleted: what is damaged moves to a folder that the report names.
    """
    session = open_session(ctx)
    with progress(session) as report:
        result = wiring.repair(session.settings, session.data, report)
    if result.aside is None and not result.lost and not session.as_json:
        session.console.print("Nothing is damaged.")
    else:
        _show_known(session, result)


def _show_known(session: Session, result: object) -> None:
    """Print a report; for people without the fields that hold nothing."""
    if session.as_json:
        show(session, result)
        return
    fields = record(result)
    show(session, {name: one for name, one in fields.items() if one not in (None, (), {})})
