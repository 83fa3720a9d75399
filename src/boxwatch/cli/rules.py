"""`boxwatch rules`: the known failures, where each is documented, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.rule_words import about, rule_lines, rule_record, title
from boxwatch.cli.session import open_session
from boxwatch.detections.known import RULES, Rule, near_ids
from boxwatch.errors import UsageError


def rules(
    ctx: typer.Context,
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="One rule, whole; or a part of the ids.")
    ] = None,
) -> None:
    """List the known failures with their sources, or show one.

    The settings `detections.rules.ID.severity`, `.enabled`, `.count` and `.within_seconds` change
    one.
    """
    session = open_session(ctx)
    wanted = (id_ or "").lower()
    if wanted in RULES:
        rule = RULES[wanted]
        if session.as_json:
            show_json(session.console, rule)
            return
        session.console.print(Text(f"{rule.id}: {title(rule)}", "bold"))
        session.console.print(Text(f"Severity: {rule.severity}, about: {about(rule)}"))
        for text, style in rule_lines(rule):
            session.console.print(Text(text, style))
        for example in rule.examples:
            session.console.print(Text(f"Example: {example}", "dim"))
        return
    found = _named(wanted)
    if session.as_json:
        show_json(session.console, [rule_record(rule) for rule in found])
    else:
        rows = [{**rule_record(rule), "about": about(rule)} for rule in found]
        session.console.print(rows_table(rows, ("id", "severity", "about", "what")))


def _named(part: str) -> list[Rule]:
    """The rules whose id holds `part`, by id; an Xid after those of smaller numbers."""
    found = [rule for rule in RULES.values() if part in rule.id]
    if not found:
        near = near_ids(part, RULES)
        hint = f"Did you mean {' or '.join(near)}?" if near else "`boxwatch rules` lists them."
        raise UsageError(f"There is no rule {part!r}.", hint=hint)
    return sorted(found, key=_order)


def _order(rule: Rule) -> tuple[str, int]:
    name, _, number = rule.id.rpartition("-")
    return (name, int(number)) if number.isdigit() else (rule.id, -1)
