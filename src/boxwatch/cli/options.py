"""The options that every command takes, before or after its name, and readers of quantities."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer
from typer._click.core import Command, Context, Parameter
from typer.core import TyperOption

from boxwatch import units


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: object) -> object:
    if value is not None and value is not False:
        root = ctx.find_root()
        root.ensure_object(dict)
        root.obj[param.name] = value
    return value


def _print_version(ctx: typer.Context, value: bool) -> None:
    if value:
        typer.echo(f"boxwatch {version('boxwatch')}")
        ctx.exit()


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
]


def _declare(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="The data folder. Default: boxwatch-data.",
            callback=_remember,
            expose_value=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The settings file. Default: boxwatch.toml where there is one.",
            callback=_remember,
            expose_value=False,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON.", callback=_remember, expose_value=False),
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option("--no-color", help="No colours.", callback=_remember, expose_value=False),
    ] = False,
) -> None:
    """Only the declarations count: typer turns them into the parameters below."""


def _parameters() -> list[Parameter]:
    declared = typer.Typer(add_completion=False)
    declared.command()(_declare)
    return list(typer.main.get_command(declared).params)


GLOBAL_OPTIONS: Final[list[Parameter]] = _parameters()


HELP_OPTIONS: Final = ["-h", "--help"]


def show_no_type_of_flags(command: Command) -> None:
    """Let the help page of `command` show no type beside a flag: there is no value to give."""
    shown = command.get_help_option(Context(command, help_option_names=HELP_OPTIONS))
    for param in (*command.params, shown):
        if isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""


def _label(text: str) -> str:
    if text.find("=") < 1:
        raise typer.BadParameter(f"{text!r} is no label; it is written KEY=VALUE.")
    return text


Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        parser=_label,
        metavar="KEY=VALUE",
        help="Only hosts with this label in the settings; may be given several times.",
    ),
]


def seconds(text: str) -> float:
    """A duration option in seconds; a usage error says what is allowed."""
    try:
        return units.duration(text)
    except ValueError as refused:
        raise typer.BadParameter(str(refused)) from None


For = Annotated[
    float | None,
    typer.Option(
        "--for", parser=seconds, metavar="DURATION", help="Stop after this long, such as 10m."
    ),
]


def share(text: str) -> float:
    """A share option from 0 to 1; a usage error says what is allowed."""
    try:
        return units.ratio(text)
    except ValueError as refused:
        raise typer.BadParameter(str(refused)) from None
