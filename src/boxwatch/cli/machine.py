"""Commands about this machine and its settings: check, config."""

from __future__ import annotations

import typer

from boxwatch import wiring
from boxwatch.cli.printing import cell, rows_table, show, show_json
from boxwatch.cli.session import open_session
from boxwatch.settings import SettingRow


def check(ctx: typer.Context) -> None:
    """Say what this machine offers, what is missing, and how to get it."""
    session = open_session(ctx)
    show(session, wiring.check(session.settings, session.data))


def config(ctx: typer.Context) -> None:
    """Show every setting with its value, default, unit, meaning and origin.

    A setting comes from the defaults, the settings file, the environment or an option; the later
    of these wins.
    """
    session = open_session(ctx)
    rows = session.settings.rows()
    if session.as_json:
        show_json(session.console, rows)
    else:
        session.console.print(rows_table([_for_people(row) for row in rows]))


def _for_people(row: SettingRow) -> dict[str, object]:
    return {
        "setting": row.path,
        "value": _with_unit(row.value, row.unit),
        "default": _with_unit(row.default, row.unit),
        "from": row.origin,
        "what it is": row.help,
    }


def _with_unit(value: object, unit: str) -> str:
    if value is None:
        return "none"
    if value in ([], {}):
        return "empty"
    return f"{cell('', value)} {unit}".strip()
