"""What is told of a known-failure rule, to people and to programs."""

from __future__ import annotations

from typing import Final

from boxwatch import units
from boxwatch.detections.known import Rule

_ABOUT: Final = {
    "disk": "a disk",
    "fs": "a file system",
    "gpu": "a GPU",
    "gpu-or-host": "a GPU or the machine",
    "host": "the machine",
    "origin": "the service that writes it",
    "service": "a service",
    "source": "a source",
}


class _Places(dict[str, str]):
    """What stands in a title where a line would fill it in."""

    def __missing__(self, key: str) -> str:
        return "…"


def about(rule: Rule) -> str:
    """What a rule speaks of, in words."""
    return _ABOUT[rule.entity]


def title(rule: Rule) -> str:
    """The title of a rule of which no line is at hand."""
    thing = "a service" if rule.entity == "origin" else _ABOUT[rule.entity]
    said = rule.title.format_map(_Places(thing=thing))
    return said[:1].upper() + said[1:]


def rule_record(rule: Rule) -> dict[str, object]:
    """All that a person would be told of a rule, for programs."""
    return {
        "id": rule.id,
        "what": title(rule),
        "severity": str(rule.severity),
        "about": rule.entity,
        "fault": rule.fault or None,
        "causes": list(rule.causes),
        "action": rule.action,
        "investigate": rule.investigate or None,
        "when": policy(rule),
        "source": rule.source,
        "seen": rule.seen or None,
        "dated": rule.dated.isoformat(),
    }


def rule_lines(rule: Rule) -> list[tuple[str, str]]:
    """What a person is told of a rule, line by line, each with its style."""
    lines = [(f"Why: {cause}", "") for cause in rule.causes]
    if rule.fault and rule.fault != "either":
        lines.append((f"Where it lies: the {rule.fault}", ""))
    lines.append((f"What to do: {rule.action}", ""))
    if rule.investigate:
        lines.append((f"Then: {rule.investigate}", ""))
    when = policy(rule)
    if when:
        lines.append((f"When: {when}", "dim"))
    lines.append((f"Source: {rule.source} (read {rule.dated})", "dim"))
    if rule.seen:
        lines.append((f"Seen: {rule.seen}", "dim"))
    return lines


def policy(rule: Rule) -> str | None:
    """How often a line must come to be a finding, or a worse one; None where one line is enough."""
    said = []
    if rule.least > 1:
        within = units.print_duration(rule.within_seconds)
        said.append(f"from {rule.least} lines within {within} on")
    if rule.repeat is not None:
        within = units.print_duration(rule.repeat.within_seconds)
        said.append(f"{rule.repeat.severity} from {rule.repeat.count} within {within} on")
    return "; ".join(said) or None
