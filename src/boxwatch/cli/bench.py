"""`boxwatch bench`: figures, each with its target."""

from __future__ import annotations

import difflib
import importlib
import math
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from boxwatch import units
from boxwatch.bench import BENCHES, BenchOptions, BenchResult, Figure, page
from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import open_session, progress
from boxwatch.clock import SystemClock
from boxwatch.errors import UsageError

MISSED: Final = 1


def bench(  # noqa: PLR0913, PLR0917 - the options of the command
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which bench; none = list them.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            "--kills",
            "--entries",
            min=1,
            metavar="N",
            help="Do so much only, for a quick look: kills of chaos, journal entries of sources, "
            "lines of logs, machine-days of faults, checks of drift.",
        ),
    ] = None,
    data_sets: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the public data lies that some benches read."),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the figures into this Markdown page, too."),
    ] = None,
) -> int:
    """Measure speed and quality, with targets.

    Prints the machine and, per figure, the value, the target, whether it is met, and what it is
    compared with. Exits with 1 when a target is missed.
    """
    session = open_session(ctx)
    if name is None:
        rows = [{"bench": known, "module": module} for known, module in BENCHES.items()]
        show_json(session.console, rows) if session.as_json else session.console.print(
            rows_table(rows)
        )
        return 0
    if name not in BENCHES:
        close = difflib.get_close_matches(name, BENCHES, n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"There is no bench {name!r}; there are {', '.join(BENCHES)}.{meant}")
    with progress(session) as report, tempfile.TemporaryDirectory(prefix="boxwatch-") as folder:
        module = importlib.import_module(BENCHES[name])
        result: BenchResult = module.run(BenchOptions(Path(folder), seed, report, size, data_sets))
    if write is not None:
        page.write(result, write, _command(name, seed, size, data_sets), SystemClock().now())
    if session.as_json:
        show_json(session.console, result)
    else:
        _show(session.console, result)
    return 0 if result.met else MISSED


def _command(name: str, seed: int, size: int | None, data_sets: Path | None) -> str:
    """How this was asked for, without what differs from machine to machine."""
    words = ["boxwatch bench", name]
    words += [f"--seed {seed}"] if seed != 0 else []
    words += [f"--size {size}"] if size is not None else []
    words += ["--data-sets DIR"] if data_sets is not None else []
    return " ".join(words)


def _show(console: Console, result: BenchResult) -> None:
    machine = result.machine
    console.print(
        f"{result.bench} on {machine.processor}, {machine.cores} cores, "
        f"{units.print_size(machine.memory_bytes)}, {machine.system}, "
        f"Python {machine.python}, Boxwatch {machine.boxwatch}"
    )
    console.print(rows_table([_row(figure) for figure in result.figures]))
    for note in result.notes:
        console.print(note, soft_wrap=True, markup=False, highlight=False)


def _row(figure: Figure) -> dict[str, object]:
    return {
        "figure": figure.name,
        "value": "" if math.isnan(figure.value) else f"{page.short(figure.value)} {figure.unit}",
        "target": "" if figure.target is None else f"{page.short(figure.target)} {figure.unit}",
        "": Text(page.verdict(figure), "green" if figure.met else "bold red"),
        "peer": figure.peer or "",
        "peer's value": "" if figure.peer_value is None else page.short(figure.peer_value),
        "ratio": "" if figure.ratio is None else f"{figure.ratio:.2f}",
    }
