"""`boxwatch explain`: what a line of a log means."""

from __future__ import annotations

import sys
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.text import Text

from boxwatch.cli.printing import show_json
from boxwatch.cli.session import open_session
from boxwatch.detections.known import Rule, matching
from boxwatch.errors import UsageError
from boxwatch.events import TemplateMiner, severity_of

_MOST_LINES = 1000


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
    told = [_meaning(text) for text in lines]
    if session.as_json:
        show_json(session.console, told[0] if len(told) == 1 else told)
        return
    for one in told:
        _print(session.console, one)


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


def _meaning(line: str) -> dict[str, object]:
    number = severity_of(pl.Series([line])).item()
    return {
        "line": line,
        "template": TemplateMiner().line(line).template,
        "says_severity": number,
        "known": [_rule(rule) for rule in matching(line)],
    }


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "severity": str(rule.severity),
        "about": rule.entity,
        "causes": list(rule.causes),
        "action": rule.action,
        "source": rule.source,
        "dated": rule.dated.isoformat(),
    }


def _print(console: Console, told: dict[str, object]) -> None:
    console.print(Text(str(told["line"]), "bold"))
    rules = told["known"]
    if not isinstance(rules, list) or not rules:
        console.print(Text("No known failure. Whether it is usual here, only watching tells."))
        console.print(Text(f"Its kind of line: {told['template']}", "dim"))
        return
    for rule in rules:
        console.print(Text(f"{rule['id']}: {rule['severity']}, about the {rule['about']}"))
        for cause in rule["causes"]:
            console.print(Text(f"  Why: {cause}"))
        console.print(Text(f"  What to do: {rule['action']}"))
        console.print(Text(f"  Source: {rule['source']} ({rule['dated']})", "dim"))
