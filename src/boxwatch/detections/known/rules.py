"""The known-failure rules, and what a person changes about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from boxwatch.detections.detection import Severity
from boxwatch.detections.known.rule import Rule, read_severity
from boxwatch.detections.known.rule_files import load_rules
from boxwatch.errors import SettingError

_WINDOW_S: Final = 3600.0  # of a count that is set without a window


class _Shipped(Mapping[str, Rule]):
    """The rules that ship with Boxwatch, read when first asked for: not for `--help`."""

    @cached_property
    def _rules(self) -> Mapping[str, Rule]:
        return load_rules()

    def __getitem__(self, name: str) -> Rule:
        return self._rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


RULES: Final[Mapping[str, Rule]] = _Shipped()


@dataclass(frozen=True, slots=True)
class Override:
    """What a person changes about a rule: another severity, more lines, or not at all.

    A rule on lines with `count` is a finding only from so many lines within `within_seconds` on.
    """

    severity: Severity | None = None
    enabled: bool = True
    count: int | None = None
    within_seconds: float | None = None


_KEYS: Final = frozenset({"severity", "enabled", "count", "within_seconds"})


def read_override(rule: str, value: Override | Mapping[str, object]) -> Override:
    """What a person set for `rule`: any of `severity`, `enabled`, `count` and `within_seconds`.

    Raises:
        SettingError: another key, or a value that is not allowed.

    """
    if isinstance(value, Override):
        return value
    enabled, count, within = (
        value.get("enabled", True),
        value.get("count"),
        value.get("within_seconds"),
    )
    if not (
        set(value) <= _KEYS
        and isinstance(enabled, bool)
        and (count is None or (type(count) is int and count > 0))
        and (within is None or (isinstance(within, int | float) and within > 0))
    ):
        raise SettingError(
            f"Rule {rule!r}: {dict(value)!r} is not understood.",
            hint='Set severity = "high" (or another one), enabled = false, count = 3 or '
            "within_seconds = 600, or several of them.",
        )
    try:
        severity = None if value.get("severity") is None else read_severity(value["severity"])
    except ValueError as error:
        raise SettingError(f"Rule {rule!r}: {error}.") from None
    return Override(severity, enabled, count, None if within is None else float(within))


def near_ids(given: str, ids: Iterable[str]) -> list[str]:
    """At most three of `ids`: those that look like `given`, else those of which a word does."""
    known, given = list(ids), given.lower()
    near = get_close_matches(given, known, n=3)
    if near:
        return near
    words = dict.fromkeys(word for one in known for word in one.split("-"))
    alike = get_close_matches(given, list(words), n=1)
    return [one for one in known if set(alike) & set(one.split("-"))][:3]


def with_overrides(
    rules: Mapping[str, Rule], overrides: Mapping[str, Override | Mapping[str, object]]
) -> dict[str, Rule]:
    """`rules` as a person wants them: severities and counts changed, switched-off ones left out.

    Raises:
        SettingError: an override names a rule that does not exist, or cannot be understood.

    """
    unknown = sorted(set(overrides) - set(rules))
    if unknown:
        near = near_ids(unknown[0], rules)
        meant = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise SettingError(
            f"There is no known-failure rule {unknown[0]!r}.",
            hint=f"{meant}`boxwatch rules` lists them; an Xid is named like 'xid-79'.",
        )
    kept = {}
    for key, rule in rules.items():
        change = read_override(key, overrides.get(key, Override()))
        if change.enabled:
            kept[key] = _changed(rule, change)
    return kept


def _changed(rule: Rule, change: Override) -> Rule:
    if change.severity is not None:
        rule = replace(rule, severity=change.severity, repeat=None, worse=None)
    if change.count is None and change.within_seconds is None:
        return rule
    if not rule.pattern:
        raise SettingError(
            f"Rule {rule.id!r}: count and within_seconds are for rules on lines, and it is one on "
            "readings.",
            hint="Set its severity, or enabled = false.",
        )
    least = rule.least if change.count is None else change.count
    within = rule.within_seconds if change.within_seconds is None else change.within_seconds
    return replace(rule, least=least, within_seconds=within or _WINDOW_S)
