"""`boxwatch models`: versions, where they come from, and which one is in use."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from boxwatch import wiring
from boxwatch.cli.model_pages import Version, card, compare
from boxwatch.cli.model_tuning import studies, tune
from boxwatch.cli.printing import record, rows_table, show, show_json
from boxwatch.cli.session import Session, open_session
from boxwatch.lifecycle import Promotion

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Versions of the models: where they come from, which is in use, and why.",
)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List all trainings and the versions they made, the newest first."""
    session = open_session(ctx)
    show(session, wiring.versions(session.data))


@app.command("show")
def show_(ctx: typer.Context, version: Version) -> None:
    """Show all that is known of a version: rows, settings, outcome, roles and gates."""
    session = open_session(ctx)
    page = wiring.version_page(session.data, version)
    if session.as_json:
        show_json(session.console, page)
        return
    fields = record(page)
    changes = fields.pop("changes")
    selection = dict(fields.pop("selection"))  # type: ignore[call-overload]
    excluded = selection.pop("excluded")
    selection.pop("features", None)
    show(session, {**fields, **{f"learned from: {key}": one for key, one in selection.items()}})
    if excluded:
        session.console.print(Text("left out, since something was wrong then", "bold"))
        session.console.print(rows_table(excluded, ("host", "start", "end", "why")))
    for change in changes:  # type: ignore[attr-defined]
        _tell(session, change)


@app.command()
def history(ctx: typer.Context) -> None:
    """Show which version was in use when, why, and who decided; the newest first."""
    session = open_session(ctx)
    found = wiring.history(session.data)
    if session.as_json:
        show_json(session.console, found)
    else:
        columns = ("at", "role", "version", "before", "done", "by", "why")
        session.console.print(rows_table(found, columns))


@app.command()
def promote(
    ctx: typer.Context,
    version: Version,
    reason: Annotated[str, typer.Option(help="Why; with --force it is needed.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Promote it whatever the gates say; recorded.")
    ] = False,
) -> int:
    """Put a version in use, if the gates let it through. Exit status 1 where they refuse."""
    session = open_session(ctx)
    asked = wiring.promote(session.settings, session.data, version, reason, force=force)
    _show(session, asked)
    return 0 if asked.done else 1


@app.command()
def rollback(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option(help="Why.")] = "no reason given",
) -> int:
    """Put the version before the present one back in use."""
    session = open_session(ctx)
    asked = wiring.roll_back(session.settings, session.data, reason)
    _show(session, asked)
    return 0 if asked.done else 1


@app.command()
def reproduce(ctx: typer.Context, version: Version) -> int:
    """Train a version again from its own rows and settings. Exit status 1 if it differs."""
    session = open_session(ctx)
    again = wiring.reproduce(session.settings, session.data, version)
    if session.as_json:
        show_json(session.console, {**record(again), "same": again.same})
    elif again.same:
        session.console.print(f"v{version}: the same models came out, to the last bit.")
    else:
        session.console.print(f"v{version}: other models came out.")
        rows = [
            {"part": part, "then": then, "now": again.now.get(part)}
            for part, then in again.then.items()
        ]
        session.console.print(rows_table(rows))
    return 0 if again.same else 1


@app.command()
def sync(ctx: typer.Context) -> None:
    """Tell MLflow what it does not know of the versions; see the setting models.tracking_uri."""
    session = open_session(ctx)
    show(session, wiring.sync(session.settings, session.data))


@app.command()
def prune(ctx: typer.Context) -> None:
    """Remove rows and artifacts of old versions; see the setting models.keep.

    Training does so by itself. What is in use, what a rollback needs and what a study was made
    from stays, and so does what is told of every version.
    """
    session = open_session(ctx)
    show(session, wiring.prune(session.settings, session.data))


app.command()(card)
app.command()(compare)
app.command()(tune)
app.command()(studies)


def _show(session: Session, asked: Promotion) -> None:
    if session.as_json:
        show_json(session.console, asked)
        return
    before = "nobody" if asked.before is None else f"v{asked.before}"
    if asked.done:
        session.console.print(Text(f"v{asked.version} is in use now; before: {before}.", "green"))
    else:
        session.console.print(Text(f"v{asked.version} is refused; in use: {before}.", "red"))
    if asked.verdicts:
        session.console.print(rows_table(asked.verdicts, ("gate", "passed", "text")))


def _tell(session: Session, change: wiring.ChangeLine) -> None:
    done = "became" if change.done else "was refused as"
    line = f"{change.version} {done} {change.role} ({change.by}: {change.why or 'no reason given'})"
    session.console.print(Text(f"{change.at.astimezone():%Y-%m-%d %H:%M:%S}  {line}", "bold"))
    if change.gates:
        session.console.print(rows_table(change.gates, ("gate", "passed", "text")))
