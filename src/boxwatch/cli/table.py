"""The visible table of commands, and the group that loads each one only when it is called."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Final

import typer
from typer._click.core import Command, Context
from typer.core import TyperCommand, TyperGroup

from boxwatch.cli.options import GLOBAL_OPTIONS, show_no_type_of_flags

# Name -> (where it is, what it does). The order is that of the help page.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("boxwatch.cli.up:up", "Watch this machine: learn what is normal, then say what is not."),
    "demo": ("boxwatch.cli.demo:demo", "Show everything on a simulated AI server with faults."),
    "stress": ("boxwatch.cli.stress:stress", "Put a bounded, harmless load on this machine."),
    "check": ("boxwatch.cli.check:check", "Say what this machine offers and what is missing."),
    "hosts": ("boxwatch.cli.hosts:app", "Add, list, check, remove the hosts to watch."),
    "collect": ("boxwatch.cli.batch:collect", "Read every source once and keep the raw records."),
    "record": ("boxwatch.cli.record:record", "Record what every source says; judge nothing."),
    "normalize": ("boxwatch.cli.batch:normalize", "Turn raw records into the event store."),
    "features": ("boxwatch.cli.batch:features", "Turn stored events into windows of features."),
    "train": ("boxwatch.cli.batch:train", "Fit the models to the stored windows."),
    "detect": ("boxwatch.cli.detect:detect", "Find incidents in the stored events."),
    "replay": ("boxwatch.cli.batch:replay", "Run a recording through again, from the beginning."),
    "incidents": ("boxwatch.cli.incidents:app", "List, show, report, acknowledge incidents."),
    "logs": ("boxwatch.cli.logs:app", "Search and count stored lines; templates of any file."),
    "models": (
        "boxwatch.cli.models:app",
        "Tune, list, show, promote, roll back, reproduce versions.",
    ),
    "learn": ("boxwatch.cli.learn:learn", "Keep the models current, beside `boxwatch up`."),
    "drift": ("boxwatch.cli.drift:app", "Say whether machines still are what models learned."),
    "score": ("boxwatch.cli.score:score", "Judge the readings of any table by another; no labels."),
    "explain": ("boxwatch.cli.explain:explain", "Say what a line of a log means."),
    "rules": ("boxwatch.cli.rules:rules", "List the known failures and where they come from."),
    "bench": ("boxwatch.cli.bench:bench", "Measure speed and quality, with targets."),
    "config": ("boxwatch.cli.config:config", "Show every setting, its value and its origin."),
    "repair": ("boxwatch.cli.batch:repair", "Set damaged files of a data folder aside."),
}


def load(name: str) -> Command:
    """The command `name` with the options every command has; imports its module."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found: typer.Typer | Callable[..., object] = getattr(imported(module), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_command(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    _add_global_options(command)
    return command


def imported(module: str) -> ModuleType:
    """The module; what it makes lives as long as the process, and is not looked at for garbage."""
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


class CommandTable(TyperGroup):
    """A group whose help page is the table; the command's own module loads when it is called."""

    def __init__(self, **attributes: object) -> None:
        stubs = {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}
        attributes["commands"] = stubs
        super().__init__(**attributes)  # type: ignore[arg-type]

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        """The real command for the one named first in `args`."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load(name), rest if stub else []


def _add_global_options(command: Command) -> None:
    if isinstance(command, TyperGroup):
        for inner in command.commands.values():
            _add_global_options(inner)
    else:
        taken = {param.name for param in command.params}
        command.params.extend(one for one in GLOBAL_OPTIONS if one.name not in taken)
    show_no_type_of_flags(command)
