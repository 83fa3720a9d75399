"""Which known failures a line on its own tells of, whoever may have written it."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.detections.known.rule import Rule
from boxwatch.detections.known.rule_files import XID
from boxwatch.detections.known.rules import RULES

# What journalctl, dmesg and syslog put before the message.
_HEADS: Final = (
    r"^<\d+>",
    r"^\[[^\]]*\] ",
    r"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.,+Z-]+) (?:\S+ )?"
    r"(?:[^\s:\[]+(?:\[\d+\])?: )?(?:\[ *\d+\.\d+\] )?",
)


def matching(line: str) -> list[Rule]:
    """The rules whose pattern `line` matches, worst first; of the Xid rules that of its code.

    A head as journalctl, dmesg and syslog write it is passed over.
    """
    texts = [line, *(pl.Series([line]).str.replace(head, "").item() for head in _HEADS)]
    forms = pl.Series("text", texts).unique(maintain_order=True).to_frame()
    found: dict[str, Rule] = {}
    for rule in RULES.values():
        if rule.id.startswith(f"{XID}-") or not any(text in line for text in rule.literals):
            continue
        matched = forms.filter(pl.col("text").str.contains(rule.pattern))["text"]
        if len(matched):
            named = _of_code(rule, matched[0])
            found[named.id] = named
    return sorted(found.values(), key=lambda rule: (-rule.severity.rank, rule.id))


def _of_code(rule: Rule, text: str) -> Rule:
    """For the pattern that all Xid codes share, the rule of the code in `text`."""
    if rule.id != XID:
        return rule
    groups = pl.Series([text]).str.extract_groups(rule.pattern).struct.unnest().row(0, named=True)
    return RULES.get(f"{XID}-{groups['code']}", rule)
