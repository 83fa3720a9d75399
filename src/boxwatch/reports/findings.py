"""The findings of an incident as people read them: what was said many times is said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from boxwatch.detections.detection import LATEST, Detection

_SEEN: Final = " (seen "  # what follows is how often a rule met the line, see detections/known


@dataclass(frozen=True, slots=True)
class Finding:
    """Findings that say the same of the same entity: the earliest, and what all of them say."""

    first: Detection
    reasons: tuple[str, ...]  # each once, with how often where it was said again


def findings(detections: Sequence[Detection]) -> tuple[Finding, ...]:
    """`detections` in their order, those that say the same as one."""
    alike: dict[tuple[object, ...], list[Detection]] = {}
    for found in detections:
        said = frozenset(reason.text for reason in found.reasons)
        alike.setdefault((found.name, found.entity, found.severity, said), []).append(found)
    return tuple(
        Finding(min(same, key=lambda one: one.start), _said(same)) for same in alike.values()
    )


def _said(same: Sequence[Detection]) -> tuple[str, ...]:
    """The reasons; left out is what only points at a line, or was said with how often it came."""
    counts = Counter(reason.text for found in same for reason in found.reasons)
    counted = {text.rpartition(_SEEN)[0] for text in counts}
    return tuple(
        text if n == 1 else f"{text} ({n} times)"
        for text, n in counts.items()
        if text != LATEST and text not in counted
    )
