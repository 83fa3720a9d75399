"""The known-failure rules: what a rule is, and how the dated data files become rules.

A rule is data, not code: what it looks for, what that means in a tired person's words, what to do,
and the document and date that say so. `load_rules` checks every field; a wrong file names the rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from boxwatch.detections.detection import Severity
from boxwatch.errors import SettingError

FILES: Final = ("kernel.toml", "services.toml", "restarts.toml", "metrics.toml", "hosts.toml")
ENTITY_KINDS: Final = ("gpu", "gpu-or-host", "disk", "fs", "host", "service", "origin", "source")
ORIGINS: Final = ("kernel", "systemd", "docker-event", "notice", "program", "any")
XID: Final = "xid"


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
    `missing` rules say that an entity or a source is gone.
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


@dataclass(frozen=True, slots=True)
class Override:
    """What a person changes about a rule: another severity, or not at all."""

    severity: Severity | None = None
    enabled: bool = True


def _severity(value: object) -> Severity:
    try:
        return Severity(str(value))
    except ValueError:
        raise ValueError(f"severity {value!r} must be one of {[*map(str, Severity)]}") from None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{value!r} must be a list of texts")
    return tuple(value)


def _repeat(value: object) -> Repeat:
    if not isinstance(value, dict):
        raise ValueError(f"repeat {value!r} must be a table")
    return Repeat(int(value["count"]), float(value["within_seconds"]), _severity(value["severity"]))


def _quiet_after(value: object) -> QuietAfter:
    if not isinstance(value, dict):
        raise ValueError(f"quiet_after {value!r} must be a table")
    return QuietAfter(str(value["rule"]), float(value["seconds"]))


def _as_is(value: Any) -> Any:  # noqa: ANN401  # the dataclass's own types are checked by _faults
    return value


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "severity": _severity,
    "worse": _severity,
    "causes": _texts,
    "literals": _texts,
    "examples": _texts,
    "no_match": _texts,
    "repeat": _repeat,
    "quiet_after": _quiet_after,
}
_REQUIRED: Final = ("id", "title", "severity", "entity", "causes", "action", "source", "dated")


def _faults(rule: Rule) -> list[str]:
    faults = []
    if rule.entity not in ENTITY_KINDS:
        faults.append(f"entity {rule.entity!r} must be one of {ENTITY_KINDS!r}")
    if rule.origin not in ORIGINS:
        faults.append(f"origin {rule.origin!r} must be one of {ORIGINS!r}")
    if bool(rule.pattern) == bool(rule.condition):
        faults.append("it must have either a pattern or a condition")
    if rule.pattern and not (rule.literals and rule.examples):
        faults.append("a pattern needs literals to screen for and example lines")
    if rule.condition and not rule.reason:
        faults.append("a condition needs a reason text")
    if not rule.source.startswith("https://"):
        faults.append(f"source {rule.source!r} must be an https address")
    if not isinstance(rule.dated, date):
        faults.append(f"dated {rule.dated!r} must be a date")
    return faults


def read_rule(table: Mapping[str, object], where: str) -> Rule:
    """One rule from its table.

    Raises:
        SettingError: a key is missing, unknown or of a wrong value; names the file and the rule.

    """
    name = f"{where}: rule {table.get('id', '?')!r}"
    known = {item.name for item in fields(Rule)}
    unknown, missing = sorted(set(table) - known), sorted(set(_REQUIRED) - set(table))
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


def _xid_repeat(repeats: Mapping[str, object], action: str, blame: str) -> Repeat | None:
    table = repeats.get(blame, repeats.get(action))
    return None if table is None else _repeat(table)


def _xid_rules(generic: Rule) -> dict[str, Rule]:
    """One rule per code of the Xid catalogue, all with the pattern of `generic`."""
    table = tomllib.loads(files(__package__).joinpath("xid.toml").read_text("utf-8"))
    rules = {}
    for code, what, action, blame in table["codes"]:
        severity = _severity(table["severity"].get(str(code), table["action"][action]["severity"]))
        repeat = _xid_repeat(table["repeat"], action, blame)
        if repeat is not None and repeat.severity.rank <= severity.rank:
            repeat = None
        rules[f"{XID}-{code}"] = replace(
            generic,
            id=f"{XID}-{code}",
            title=f"{{thing}} {what}",
            severity=severity,
            causes=(table["blame"][blame],),
            action=table["action"][action]["text"],
            source=table["source"],
            dated=table["dated"],
            repeat=repeat,
            examples=(f"NVRM: Xid (PCI:0000:41:00): {code}, pid=1234, name=python, detail",),
        )
    return rules


def load_rules() -> Mapping[str, Rule]:
    """Every rule that ships with Boxwatch, by id, from the data files beside this module.

    Raises:
        SettingError: a data file is wrong; names the file, the rule and the field.

    """
    rules: dict[str, Rule] = {}
    for name in FILES:
        tables = tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))["rule"]
        for table in tables:
            rule = read_rule(table, name)
            if rule.id in rules:
                raise SettingError(f"{name}: rule {rule.id!r} stands there twice.")
            rules[rule.id] = rule
    return MappingProxyType(rules | _xid_rules(rules[XID]))


RULES: Final[Mapping[str, Rule]] = load_rules()


def read_override(rule: str, value: Override | Mapping[str, object]) -> Override:
    """What a person set for `rule`: `severity`, `enabled` or both.

    Raises:
        SettingError: another key, or a value that is not allowed.

    """
    if isinstance(value, Override):
        return value
    enabled = value.get("enabled", True)
    unknown = sorted(set(value) - {"severity", "enabled"})
    if unknown or not isinstance(enabled, bool):
        raise SettingError(
            f"Rule {rule!r}: {dict(value)!r} is not understood.",
            hint='Set severity = "high" (or another one), enabled = false, or both.',
        )
    try:
        severity = None if value.get("severity") is None else _severity(value["severity"])
    except ValueError as error:
        raise SettingError(f"Rule {rule!r}: {error}.") from None
    return Override(severity, enabled)


def with_overrides(
    rules: Mapping[str, Rule], overrides: Mapping[str, Override | Mapping[str, object]]
) -> dict[str, Rule]:
    """`rules` as a person wants them: severities changed, switched-off ones left out.

    Raises:
        SettingError: an override names a rule that does not exist, or cannot be understood.

    """
    unknown = sorted(set(overrides) - set(rules))
    if unknown:
        raise SettingError(
            f"There is no known-failure rule {unknown[0]!r}.",
            hint="`boxwatch config` lists them; an Xid is named like 'xid-79'.",
        )
    kept = {}
    for key, rule in rules.items():
        change = read_override(key, overrides.get(key, Override()))
        if not change.enabled:
            continue
        if change.severity is None:
            kept[key] = rule
        else:
            kept[key] = replace(rule, severity=change.severity, repeat=None, worse=None)
    return kept
