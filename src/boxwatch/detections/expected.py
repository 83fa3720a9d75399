"""What a person said to expect: windows that are as strange as expected, and no stranger.

A rule is one statistical finding that somebody called expected: its entity, its features, and how
far each was from usual. A window of that entity is held back while every feature that explains much
of its score is in the rule, on the same side of usual and not clearly farther from it. What is
worse, what is unusual in something else, and every known failure is told as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import polars as pl

from boxwatch import pulse
from boxwatch.detections.detection import Detection, Kind
from boxwatch.detections.scores import COMBINED

_FARTHER: Final = 1.2  # times as far from usual as it was: a level is never hit exactly
_MUCH: Final = 0.2  # the share of a score from which a feature must be expected


@dataclass(frozen=True, slots=True)
class Expectation:
    """One rule: `steps` are how far each feature of `entity` was from usual, in its own unit.

    It holds for windows that end after `since`, until `until`.
    """

    host: str
    view: str
    entity: str
    steps: Mapping[str, float]
    since: datetime
    until: datetime

    def covers(self, parts: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a window with these contributions, the largest first, is as expected."""
        much = [part for part in parts if part["share"] >= _MUCH]
        return bool(parts) and all(self._expects(part) for part in much or parts[:1])

    def _expects(self, part: Mapping[str, Any]) -> bool:
        meant = self.steps.get(part["feature"])
        if meant is None or part.get("value") is None or part.get("usual") is None:
            return False
        step = part["value"] - part["usual"]
        return bool(0.0 <= step / meant <= _FARTHER)


def expectation(found: Detection, since: datetime, until: datetime) -> Expectation | None:
    """The rule that `found` makes; None for what is not of windows, or told no numbers."""
    if found.kind is not Kind.UNUSUAL:
        return None
    steps = {
        reason.metric: reason.value - reason.usual
        for reason in found.reasons
        if reason.value is not None and reason.usual is not None and reason.value != reason.usual
    }
    view = found.name.removesuffix("-unusual")
    return Expectation(found.host, view, found.entity, steps, since, until) if steps else None


class Expected:
    """The rules in force. They are no state of the watching: whoever drives it sets them."""

    def __init__(self) -> None:
        self.rules: Sequence[Expectation] = ()

    def hold(self, scores: pl.DataFrame) -> pl.DataFrame:
        """`scores` with the p-value 1 for windows that are as somebody expects."""
        if not self.rules or scores.is_empty():
            return scores
        numbered = scores.with_row_index("row").filter(
            pl.col("detector") == COMBINED, pl.col("contributions").is_not_null()
        )
        columns = ["host", "view", "entity", "end", "contributions", "row"]
        held: dict[int, str] = {}
        for host, view, entity, end, text, row in numbered.select(columns).iter_rows():
            mine = [
                rule
                for rule in self.rules
                if (rule.host, rule.view, rule.entity) == (host, view, entity)
                and rule.since < end <= rule.until
            ]
            if mine and any(rule.covers(orjson.loads(text)) for rule in mine):
                held[row] = host
        if not held:
            return scores
        for host in held.values():
            pulse.emit(pulse.WindowHeld(host))
        expected = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(list(held))
        return scores.with_columns(
            pl.when(expected).then(1.0).otherwise("p_value").alias("p_value")
        )
