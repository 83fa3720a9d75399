"""`boxwatch models card` and `compare`: what is to be known of a version, and of two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from boxwatch import reports, wiring
from boxwatch.cli.printing import record, rows_table, show_json
from boxwatch.cli.session import open_session
from boxwatch.errors import EnvironmentFault


def number_of(text: str) -> int:
    """A version as it is printed, `v7`, or its number alone."""
    digits = text.strip().lower().removeprefix("v")
    if not digits.isdigit() or int(digits) == 0:
        raise typer.BadParameter(f"{text!r} is not a version; v1, v2, … are.")
    return int(digits)


Version = Annotated[
    int, typer.Argument(parser=number_of, metavar="VERSION", help="A version, such as v7.")
]


def card(
    ctx: typer.Context,
    version: Annotated[
        int | None,
        typer.Argument(
            parser=number_of, metavar="VERSION", help="Such as v7; none = the one in use."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page to FILE.")
    ] = None,
) -> None:
    """Write the model card of a version, as Markdown or as a page that stands alone.

    What it watches and learned from, the gates with values and limits, thresholds, which injected
    faults it finds and misses (measured now), and its limits.
    """
    session = open_session(ctx)
    found = wiring.model_card(session.settings, session.data, version)
    if html is not None:
        write_page(html, reports.card_page(found))
        session.notes.print(f"Written to {html}.")
    elif session.as_json:
        show_json(session.console, found)
    else:
        typer.echo(reports.card_markdown(found))


def compare(ctx: typer.Context, first: Version, second: Version) -> None:
    """Hold two versions against each other: recipe, data, gates, and scores on the same windows."""
    session = open_session(ctx)
    found = wiring.compare_versions(session.settings, session.data, first, second)
    if session.as_json:
        show_json(session.console, found)
        return
    for title in ("recipe", "data", "gates", "scores"):
        session.console.print(Text(title, "bold"))
        rows = [
            {"": one.what, found.first: one.first, found.second: one.second}
            for one in record(found)[title]  # type: ignore[attr-defined]
        ]
        session.console.print(rows_table(rows))
    session.console.print(f"Scores on {found.judged_by}; bounds are of 95 %.")
    session.console.print(f"Quality of {found.second} against {found.first}: {found.quality}")
    for reason in found.unmeasured:
        session.console.print(Text(f"Not measured: {reason}", "yellow"))


def write_page(file: Path, text: str) -> None:
    """Write a page.

    Raises:
        EnvironmentFault: it cannot be written there.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as refused:
        raise EnvironmentFault(
            f"The page cannot be written to {str(file)!r}: {refused.strerror}.",
            hint="Give a file in a folder that exists and that you may write to.",
        ) from None
