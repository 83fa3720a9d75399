"""What a command works with: the settings that hold, the data folder, and where to print."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from boxwatch import pulse, wiring
from boxwatch.settings import Settings, load

_ENDLESS: Final = 100_000  # columns: no line for people is longer


@dataclass(frozen=True, slots=True)
class Session:
    """One command's surroundings. `console` is standard output, `notes` standard error."""

    settings: Settings
    data: Path
    as_json: bool
    console: Console
    notes: Console


def open_session(
    ctx: typer.Context,
    overrides: Mapping[str, object] | None = None,
    data: Path | None = None,
) -> Session:
    """The surroundings that the options, the environment and the settings file make.

    Args:
        ctx: the command's context; holds the options that every command takes.
        overrides: settings given as options of this very command, by path.
        data: the data folder where neither an option nor a setting names one.

    Raises:
        SettingError: a setting is wrong.

    """
    given = ctx.find_root().ensure_object(dict)
    changes = {path: value for path, value in (overrides or {}).items() if value is not None}
    if "data" in given:
        changes["data.folder"] = given["data"]
    settings = load(given.get("config"), changes)
    if data is not None and settings.where("data.folder") == "default":
        settings = load(given.get("config"), {**changes, "data.folder": data})
    if settings.detections.rules:  # else no command needs the rules just to start
        wiring.rule_changes(settings)
    level = logging.getLevelNamesMapping()[settings.logging.level.upper()]
    pulse.write_logs(level, as_json=settings.logging.format == "json")
    plain = "no_color" in given or None
    return Session(
        settings=settings,
        data=settings.data.folder,
        as_json="json" in given,
        console=_console(plain),
        notes=_console(plain, stderr=True),
    )


def _console(plain: bool | None, *, stderr: bool = False) -> Console:
    """Where to print; in a pipe or a file, lines stay whole, to be searched and copied."""
    console = Console(no_color=plain, highlight=False, stderr=stderr)
    if not console.file.isatty():
        console.width = _ENDLESS
    return console


@contextmanager
def progress(session: Session) -> Iterator[pulse.Progress]:
    """A `Progress` shown as bars on standard error while a person watches, else unheard."""
    if session.as_json or not session.notes.is_terminal:
        yield pulse.unheard
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=session.notes, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: float, total: float | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield show
