"""`boxwatch explain`: what a line of a log means."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import polars as pl
import typer
from rich.console import Console
from rich.text import Text

from boxwatch.cli.printing import show_json
from boxwatch.cli.rule_words import about, rule_lines, rule_record
from boxwatch.cli.session import open_session
from boxwatch.detections.known import Rule, matching
from boxwatch.errors import UsageError
from boxwatch.events import TemplateMiner, severity_of
from boxwatch.events.masks import Mask

_MOST_LINES: Final = 1000
_LEVELS: Final = ("trace", "debug", "information", "warning", "error", "fatal")


def explain(
    ctx: typer.Context,
    line: Annotated[
        list[str] | None, typer.Argument(metavar="LINE", help="The line; - reads standard input.")
    ] = None,
) -> None:
    """Say what a line of a log means, why it comes, and what to do.

    Known failures are recognised with or without what journalctl, dmesg or syslog put before them.
    """
    session = open_session(ctx)
    lines = _given(line)
    told = [_meaning(text, session.settings.logs.own_masks()) for text in lines]
    if session.as_json:
        records = [{**one, "known": [rule_record(rule) for rule in known]} for one, known in told]
        show_json(session.console, records[0] if len(records) == 1 else records)
        return
    for one, known in told:
        _print(session.console, one, known)


def _given(words: list[str] | None) -> list[str]:
    if words == ["-"]:
        lines = [text for text in sys.stdin.read().splitlines() if text.strip()][:_MOST_LINES]
    else:
        lines = [" ".join(words or [])]
    if not lines or not lines[0].strip():
        raise UsageError(
            "There is no line to explain.",
            hint="Give one in quotes, or - and lines on standard input.",
        )
    return lines


def _meaning(line: str, masks: Sequence[Mask]) -> tuple[dict[str, object], list[Rule]]:
    number = severity_of(pl.Series([line])).item()
    said = {
        "line": line,
        "template": TemplateMiner(masks=masks).line(line).template,
        "says_severity": number,
        "says_level": None if number is None else _LEVELS[(number - 1) // 4],
    }
    return said, matching(line)


def _print(console: Console, told: dict[str, object], known: Sequence[Rule]) -> None:
    console.print(Text(str(told["line"]), "bold"))
    for rule in known:
        console.print(Text(f"{rule.id}: {rule.severity}, about {about(rule)}"))
        for text, style in rule_lines(rule):
            console.print(Text(f"  {text}", style))
    if known:
        return
    console.print(Text("Not a known failure. Whether it is usual here, only watching tells."))
    level = told["says_level"]
    says = "It does not say how bad it is." if level is None else f"It calls itself: {level}."
    console.print(Text(says, "dim"))
    console.print(Text(f"Its kind of line: {told['template']}", "dim"))
