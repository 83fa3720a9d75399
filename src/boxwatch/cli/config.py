"""`boxwatch config`: every setting and where it came from."""

from __future__ import annotations

import typer
from rich.text import Text

from boxwatch import units
from boxwatch.cli.printing import cell, show_json
from boxwatch.cli.session import open_session
from boxwatch.settings import SettingRow


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
        for row in rows:
            session.console.print(_for_people(row), soft_wrap=True)


def _for_people(row: SettingRow) -> Text:
    text = Text.assemble(
        (row.path, "bold"), " = ", (_with_unit(row.value, row.unit), "green"), "  "
    )
    if row.origin == "default":
        text.append("(default)", "dim")
    else:
        text.append(f"(from {row.origin}; default {_with_unit(row.default, row.unit)})", "yellow")
    return text.append(f"\n    {row.help}", "dim")


def _with_unit(value: object, unit: str) -> str:
    if value is None:
        return "none"
    if value in ([], {}):
        return "empty"
    if unit == "bytes" and isinstance(value, int):
        return units.print_size(value)
    return f"{cell('', value)} {unit}".strip()
