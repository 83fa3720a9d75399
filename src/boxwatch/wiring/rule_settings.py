"""What the settings change about the known failures."""

from __future__ import annotations

from boxwatch.detections.known import RULES, Override, with_overrides
from boxwatch.settings import Settings


def rule_changes(settings: Settings) -> dict[str, Override]:
    """The changes to rules by their ids.

    Raises:
        SettingError: a rule does not exist, or cannot be changed so.

    """
    changes = {
        name: Override(rule.severity, rule.enabled, rule.count, rule.within_seconds)
        for name, rule in settings.detections.rules.items()
    }
    with_overrides(RULES, changes)
    return changes
