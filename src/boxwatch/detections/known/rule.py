"""What a known-failure rule is, and how a table of a data file becomes one.

A rule is data, not code: what it looks for, what that means in a tired person's words, what to do,
and the document and date that say so. `read_rule` checks every field; a wrong table names the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Final

from boxwatch.detections.detection import Severity
from boxwatch.errors import SettingError

ENTITY_KINDS: Final = ("gpu", "gpu-or-host", "disk", "fs", "host", "service", "origin", "source")
ORIGINS: Final = ("kernel", "systemd", "docker-event", "notice", "program", "any")
FAULTS: Final = ("application", "hardware", "driver", "either")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A finding that comes back `count` times within `within_seconds` is of this severity."""

    count: int
    within_seconds: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class QuietAfter:
    """A line is no finding when `rule` matched the same entity less than `seconds` before."""

    rule: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Rule:
    """One known failure. Log rules have a `pattern`, rules on readings a `condition`.

    `title` may hold `{thing}` (the entity in words) and groups of the pattern. A log rule is a
    finding from `least` lines within `within_seconds` on, and ends `hold_seconds` after the last;
    lines less than `apart_seconds` apart count once (the same line by two ways). `follows` gives
    a line the entity of a line of that rule just before it. `silent` rules only serve others.
    `missing` rules say that an entity or a source is gone. `action` is what to do at once,
    `investigate` what after that, `fault` where it lies. `source` says what a rule knows, `seen`
    is where an example line was met, `dated` when both were read. `overlaps` are rules that the
    same line is meant to match too.
    """

    id: str
    title: str
    severity: Severity
    entity: str
    causes: tuple[str, ...]
    action: str
    source: str
    dated: date
    origin: str = "any"
    literals: tuple[str, ...] = ()
    pattern: str = ""
    examples: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()
    seen: str = ""
    fault: str = ""
    investigate: str = ""
    overlaps: tuple[str, ...] = ()
    least: int = 1
    within_seconds: float = 0.0
    apart_seconds: float = 1.0
    hold_seconds: float = 60.0
    repeat: Repeat | None = None
    follows: str = ""
    quiet_after: QuietAfter | None = None
    silent: bool = False
    condition: str = ""
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    reason: str = ""
    worse: Severity | None = None
    sustain_seconds: float = 0.0
    least_readings: int = 1
    recover_seconds: float = 0.0
    persistent: bool = False
    missing: bool = False


def read_severity(value: object) -> Severity:
    """A severity by its name.

    Raises:
        ValueError: there is none of that name.

    """
    try:
        return Severity(str(value))
    except ValueError:
        raise ValueError(f"severity {value!r} must be one of {[*map(str, Severity)]}") from None


def read_repeat(value: object) -> Repeat:
    """When a finding that comes back is worse.

    Raises:
        KeyError: a key is missing.
        ValueError: it is no table, or of a wrong value.

    """
    if not isinstance(value, Mapping):
        raise ValueError(f"repeat {value!r} must be a table")
    severity = read_severity(value["severity"])
    return Repeat(int(value["count"]), float(value["within_seconds"]), severity)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{value!r} must be a list of texts")
    return tuple(value)


def _quiet_after(value: object) -> QuietAfter:
    if not isinstance(value, Mapping):
        raise ValueError(f"quiet_after {value!r} must be a table")
    return QuietAfter(str(value["rule"]), float(value["seconds"]))


def _as_is(value: Any) -> Any:  # noqa: ANN401  # the dataclass's own types are checked by _faults
    return value


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "severity": read_severity,
    "worse": read_severity,
    "causes": _texts,
    "literals": _texts,
    "examples": _texts,
    "no_match": _texts,
    "overlaps": _texts,
    "repeat": read_repeat,
    "quiet_after": _quiet_after,
}
_REQUIRED: Final = ("id", "title", "severity", "entity", "causes", "action", "source", "dated")
_KNOWN: Final = frozenset(item.name for item in fields(Rule))


def _faults(rule: Rule) -> list[str]:
    faults = []
    if rule.entity not in ENTITY_KINDS:
        faults.append(f"entity {rule.entity!r} must be one of {ENTITY_KINDS!r}")
    if rule.origin not in ORIGINS:
        faults.append(f"origin {rule.origin!r} must be one of {ORIGINS!r}")
    if rule.fault and rule.fault not in FAULTS:
        faults.append(f"fault {rule.fault!r} must be one of {FAULTS!r}")
    if bool(rule.pattern) == bool(rule.condition):
        faults.append("it must have either a pattern or a condition")
    if rule.pattern and not (rule.literals and rule.examples):
        faults.append("a pattern needs literals to screen for and example lines")
    if rule.condition and not rule.reason:
        faults.append("a condition needs a reason text")
    for name, address in (("source", rule.source), ("seen", rule.seen or "https://")):
        if not address.startswith("https://"):
            faults.append(f"{name} {address!r} must be an https address")
    if not isinstance(rule.dated, date):
        faults.append(f"dated {rule.dated!r} must be a date")
    return faults


def read_rule(table: Mapping[str, object], where: str) -> Rule:
    """One rule from its table.

    Raises:
        SettingError: a key is missing, unknown or of a wrong value; names the file and the rule.

    """
    name = f"{where}: rule {table.get('id', '?')!r}"
    unknown, missing = sorted(set(table) - _KNOWN), sorted(set(_REQUIRED) - set(table))
    if unknown or missing:
        raise SettingError(f"{name}: unknown keys {unknown!r}, missing keys {missing!r}.")
    try:
        values = {key: _READ.get(key, _as_is)(value) for key, value in table.items()}
        rule = Rule(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(f"{name}: {error}.") from None
    faults = _faults(rule)
    if faults:
        raise SettingError(f"{name}: {'; '.join(faults)}.")
    return rule
