"""The published page of measured figures: one part for each bench, written by the bench itself.

What people wrote around the parts stays as it is. A part stands between two markers and says when,
where and how it was measured, what was missed, every figure with its target and its peer, and what
the figures rest on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from boxwatch import units
from boxwatch.bench.result import BenchResult, Figure
from boxwatch.errors import UsageError

_TITLE: Final = """# Benchmarks

Written by `boxwatch bench NAME --write FILE`, part by part. A target that was not reached is \
called missed. Figures of one machine at one time: run the command to have yours.
"""
_COLUMNS: Final = ("figure", "value", "target", "", "compared with", "its value", "ratio")


def write(result: BenchResult, file: Path, command: str, at: datetime) -> None:
    """Put the part of `result` into the page `file`, in place of the one before or at its end.

    Args:
        result: What was measured.
        file: A Markdown page; made where there is none.
        command: How it was asked for; tells a part of a bench from all of it.
        at: When it was measured, UTC.

    Raises:
        UsageError: the page cannot be read or written, or a marker of the part is missing.
    """
    begin, end = (f"<!-- bench {result.bench}: {edge} -->" for edge in ("begin", "end"))
    part = "\n".join([begin, "", *_part(result, command, at), end])
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else _TITLE
        if (begin in text) != (end in text):
            raise UsageError(
                f"In {str(file)!r} one of the markers {begin!r} and {end!r} is missing.",
                hint="Put it back, or take the other out: then the part is added at the end.",
            )
        if begin in text:
            whole = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
            text = whole.sub(lambda _: part, text, count=1)
        else:
            text = f"{text.rstrip()}\n\n{part}\n"
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{str(file)!r} cannot be written: {error.strerror}.") from error


def short(value: float) -> str:
    """A figure for people: three digits, whole from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(figure: Figure) -> str:
    """What became of the figure's target: met, MISSED, not measured, or nothing without one."""
    if math.isnan(figure.value):
        return "not measured"
    return {True: "met", False: "MISSED", None: ""}[figure.met]


def _part(result: BenchResult, command: str, at: datetime) -> Iterator[str]:
    machine = result.machine
    yield f"## {result.bench.capitalize()}"
    yield ""
    yield (
        f"`{command}`, {at:%Y-%m-%d}, Boxwatch {machine.boxwatch}, Python {machine.python}, "
        f"{machine.processor}, {machine.cores} cores, {units.print_size(machine.memory_bytes)}, "
        f"{machine.system}."
    )
    yield ""
    yield _missed(result.figures)
    yield ""
    yield _row(_COLUMNS)
    yield _row(["---"] * len(_COLUMNS))
    for figure in result.figures:
        yield _row(_cells(figure))
    yield ""
    for note in result.notes:
        yield f"- {note.strip()}"
    if result.notes:
        yield ""


def _missed(figures: Sequence[Figure]) -> str:
    """The targets in one sentence: how many were met, and which were not."""
    asked = [figure for figure in figures if figure.target is not None]
    names = [f"{figure.name} ({verdict(figure)})" for figure in asked if not figure.met]
    if not asked:
        return "No figure here has a target."
    if not names:
        return f"All {len(asked)} targets were met."
    return f"{len(asked) - len(names)} of {len(asked)} targets were met. Not: {'; '.join(names)}."


def _cells(figure: Figure) -> tuple[str, ...]:
    known = not math.isnan(figure.value)
    return (
        figure.name,
        f"{short(figure.value)} {figure.unit}" if known else "",
        "" if figure.target is None else f"{short(figure.target)} {figure.unit}",
        verdict(figure),
        figure.peer or "",
        "" if figure.peer_value is None else short(figure.peer_value),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.strip().replace('|', chr(92) + '|') for cell in cells)} |"
