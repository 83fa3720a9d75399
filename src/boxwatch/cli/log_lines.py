"""Log lines on a terminal: harmless, cut where they are long, with what was found marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import polars as pl
import typer
from rich.text import Text

from boxwatch import units
from boxwatch.events.text import clean

LONGEST: Final = 2_000  # characters of a message that are printed

_NAME: Final = 80  # characters of a name

# What turns the direction of text, hides in it or ends lines: shown instead of obeyed.
_UNSEEN: Final = (
    r"[\x{80}-\x{9f}\x{61c}\x{180e}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}"
    r"\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]"
)
_PICTURES: Final = "▁▂▃▄▅▆▇█"


class Level(StrEnum):
    """How bad a line is, in OpenTelemetry's words."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"

    @property
    def number(self) -> int:
        """The least severity number of this level."""
        return 1 + 4 * list(Level).index(self)

    @property
    def style(self) -> str:
        """How it looks on a terminal."""
        return _STYLES[self]


# The least severity number of each level, as OpenTelemetry and journalctl call it.
_NUMBERS: Final = {str(level): level.number for level in Level} | {
    "notice": 10,
    "warning": 13,
    "err": 17,
    "crit": 18,
    "critical": 18,
    "alert": 19,
    "emerg": 21,
}


@dataclass(frozen=True, slots=True)
class Least:
    """The least severity that is wanted, as a person named it."""

    name: str
    number: int

    def __str__(self) -> str:
        return self.name


def least(text: str) -> Least:
    """A severity option; a usage error says what is allowed.

    The numbers of journalctl's words are those of `boxwatch.events.severity`.
    """
    name = text.lower()
    if name not in _NUMBERS:
        raise typer.BadParameter(f"{text!r} is no level; allowed: {', '.join(_NUMBERS)}.")
    return Least(name, _NUMBERS[name])


_STYLES: Final = {
    Level.TRACE: "dim",
    Level.DEBUG: "dim",
    Level.INFO: "",
    Level.WARN: "yellow",
    Level.ERROR: "bold red",
    Level.FATAL: "bold white on red",
}


def level_of(number: int | None) -> Level | None:
    """The level of a severity number; None where it is unknown."""
    return None if number is None else list(Level)[min(max(number - 1, 0) // 4, 5)]


def harmless(texts: Sequence[str | None], longest: int = LONGEST) -> list[str]:
    """`texts` as a terminal may have them: no escapes, no controls, no turned directions.

    What is longer than `longest` characters is cut, and says so.
    """
    whole = pl.Series(texts, dtype=pl.String).fill_null("")
    shown = clean(whole.str.head(longest)).str.replace_all(_UNSEEN, "\ufffd")
    lengths = whole.str.len_chars()
    return [
        text if length <= longest else f"{text}… (cut: {units.print_count(length)} characters)"
        for text, length in zip(shown, lengths, strict=True)
    ]


def printed(lines: pl.DataFrame, expression: str | None, *, context: bool) -> Iterator[Text]:
    """One text for each row of `lines` (columns of `logs`, `service`, `matches`).

    `expression` is what to mark; with `context`, the lines that match are pointed at.
    """
    messages = harmless(lines["message"].to_list())
    found: list[list[str]] = [[]] * len(messages)
    if expression is not None:
        found = pl.Series(messages, dtype=pl.String).str.extract_all(expression).to_list()
    wide = max((len(name) for name in lines["service"]), default=0)
    columns = lines.select("time", "host", "service", "severity", "matches").iter_rows()
    names = zip(columns, messages, found, strict=True)
    for (time, host, service, severity, matches), message, marks in names:
        level = level_of(severity)
        text = Text(("> " if matches else "  ") if context else "", "bold")
        text.append(f"{moment(time)}  ", "dim")
        who, what = map(one_line, harmless([host, service], _NAME))
        text.append(f"{who}  {what:<{min(wide, 24)}}  ", "cyan")
        text.append(f"{level or '-':<5}  ", "" if level is None else level.style)
        text.append_text(_marked(message, marks if matches else ()))
        yield text


def one_line(text: str) -> str:
    """`text`, which is harmless, without line ends and tabs."""
    return text.replace("\n", "⏎").replace("\t", " ")


def moment(time: datetime | None) -> str:
    """An instant in the machine's own time zone, to the millisecond."""
    if time is None:
        return "unknown time           "
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]


def pictures(steps: Sequence[float]) -> str:
    """The course of `steps` as one picture each; a dot is none at all."""
    most = max(steps, default=0.0)
    if most <= 0:
        return "·" * len(steps)
    last = len(_PICTURES) - 1
    return "".join("·" if one <= 0 else _PICTURES[round(one / most * last)] for one in steps)


def _marked(message: str, marks: Sequence[str]) -> Text:
    """`message` with the texts of `marks`, in their order, marked; its own lines are set in."""
    text = Text()
    place = 0
    for mark in marks:
        at = message.find(mark, place)
        if not mark or at < 0:
            continue
        text.append(_set_in(message[place:at]))
        text.append(_set_in(mark), "bold black on yellow")
        place = at + len(mark)
    text.append(_set_in(message[place:]))
    return text


def _set_in(text: str) -> str:
    return text.replace("\t", "    ").replace("\n", "\n      ")
