"""`boxwatch rules`: the known failures, where each is documented, and what to do."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer
from rich.text import Text

from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import open_session
from boxwatch.detections.known import RULES, Rule
from boxwatch.errors import UsageError


def rules(
    ctx: typer.Context,
    id_: Annotated[str | None, typer.Argument(metavar="ID", help="One rule, whole.")] = None,
) -> None:
    """List the known failures with their sources, or show one.

    The settings `detections.rules.ID.severity` and `.enabled` change one.
    """
    session = open_session(ctx)
    if id_ is None:
        rows = [_row(rule) for rule in sorted(RULES.values(), key=lambda rule: rule.id)]
        if session.as_json:
            show_json(session.console, rows)
        else:
            session.console.print(rows_table(rows, ("id", "severity", "about", "what")))
        return
    rule = _find(id_)
    if session.as_json:
        show_json(session.console, rule)
        return
    session.console.print(Text(f"{rule.id}: {rule.title}", "bold"))
    session.console.print(Text(f"Severity: {rule.severity}, about: {rule.entity}"))
    for cause in rule.causes:
        session.console.print(Text(f"Why: {cause}"))
    session.console.print(Text(f"What to do: {rule.action}"))
    for example in rule.examples:
        session.console.print(Text(f"Example: {example}"))
    session.console.print(Text(f"Source: {rule.source} ({rule.dated})"))


def _row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "severity": str(rule.severity),
        "about": rule.entity,
        "what": rule.title,
        "action": rule.action,
        "source": rule.source,
        "dated": rule.dated.isoformat(),
    }


def _find(name: str) -> Rule:
    if name in RULES:
        return RULES[name]
    near = difflib.get_close_matches(name, RULES, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`boxwatch rules` lists them."
    raise UsageError(f"There is no rule {name!r}.", hint=hint)
