"""`boxwatch record`: keep what the hosts really said, to play it back later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from boxwatch import wiring
from boxwatch.cli.options import For
from boxwatch.cli.printing import show
from boxwatch.cli.session import open_session, progress


def record(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new data folder for it.")],
    for_: For = None,
) -> None:
    """Record what every source says, and judge nothing.

    The folder then holds what `up` would have stored, and the raw records as they came. Play it
    back with `boxwatch replay --data FOLDER --into OTHER`. Ctrl-C or SIGTERM stops; given the same
    folder again, the recording goes on where it stopped.
    """
    session = open_session(ctx)
    if not session.as_json:
        session.notes.print(f"Recording into {folder}. Ctrl-C stops.")
    with progress(session) as report:
        result = wiring.record(session.settings, folder, for_, report)
    show(session, result)
