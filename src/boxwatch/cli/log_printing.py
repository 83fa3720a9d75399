"""Kinds of line and their rates, for people."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from boxwatch import units, wiring
from boxwatch.cli.log_lines import harmless, level_of, one_line, pictures

_LONGEST: Final = 300  # characters of a template or an example that are printed


def print_kind(console: Console, kind: wiring.KindOfLine, head: str) -> None:
    """Print a kind of line below `head`, which says how often it came."""
    level = level_of(kind.severity)
    names = ", ".join(map(one_line, harmless([*kind.services[:5]], 80)))
    more = f" and {len(kind.services) - 5} more" if len(kind.services) > 5 else ""
    machines = ", ".join(map(one_line, harmless([*kind.hosts[:3]], 80)))
    hosts = f" and {len(kind.hosts) - 3} more" if len(kind.hosts) > 3 else ""
    template, example = harmless([kind.template, kind.example], _LONGEST)
    console.print(
        Text.assemble(
            (head, "bold"),
            "\n  ",
            (f"{level or 'severity unknown'}", "" if level is None else level.style),
            f", {names or 'no service'}{more} on {machines}{hosts}, id {kind.template_id}\n",
            f"  {one_line(template)}\n",
            (f"  e.g. {one_line(example)}", "dim"),
        ),
        soft_wrap=True,
    )


def print_rate(console: Console, rate: wiring.LogRate) -> None:
    """Print the rate of a service, or of a kind of its lines, and its course."""
    said = [rate.service or "no service", rate.host, rate.template]
    service, host, template = map(one_line, harmless(said, _LONGEST))
    usual = "too little is stored to know what is usual"
    if rate.usual is not None and rate.low is not None and rate.high is not None:
        usual = f"usually {rate.usual:.3g} ({rate.low:.3g} to {rate.high:.3g})"
    elif rate.state == "new":
        usual = "never before"
    style = "" if rate.state in {"usual", "unknown"} else "yellow"
    text = Text.assemble((service, "bold"), f" on {host}: now {rate.recent:.3g}, {usual}")
    if style:
        text.append(f"  {rate.state}", style)
    if template:
        text.append(f"\n  {template}")
    text.append(f"\n  {pictures(rate.steps)}", "cyan")
    console.print(text, soft_wrap=True)


def count(number: int, what: str) -> str:
    """So many of `what`."""
    return f"{units.print_count(number)} {what}{'' if number == 1 else 's'}"


def second(time: datetime | None) -> str:
    """An instant in the machine's own time zone, to the second."""
    return "unknown" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def minute(time: datetime) -> str:
    """An instant in the machine's own time zone, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
