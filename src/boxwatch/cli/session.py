"""What a command works with: the settings that hold, the data folder, and where to print."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from boxwatch import pulse, wiring
from boxwatch.settings import Settings, load


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
    level = logging.getLevelNamesMapping()[settings.logging.level.upper()]
    pulse.write_logs(level, as_json=settings.logging.format == "json")
    plain = "no_color" in given or None
    if settings.detections.rules:  # else no command needs the rules just to start
        wiring.rule_changes(settings)
    return Session(
        settings=settings,
        data=settings.data.folder,
        as_json="json" in given,
        console=Console(no_color=plain, highlight=False),
        notes=Console(no_color=plain, highlight=False, stderr=True),
    )


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
