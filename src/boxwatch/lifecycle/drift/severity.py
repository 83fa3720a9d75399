"""What drift means: which kind it is, how urgent, and what to do.

Quality is a share between 0 and 1 (1 is best) that people's labels or injected faults give; where
nobody labelled, it is unknown, and only the inputs speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

Kind = Literal["none", "data drift", "concept drift", "model decay"]
Priority = Literal["P0", "P1", "P2", "P3"]

_CRITICAL: Final = 0.10  # relative loss of quality
_HIGH: Final = 0.05
_SLOW: Final = 3  # losses one after another, none of them the whole of it

_ACTIONS: Final[dict[Kind, str]] = {
    "none": "Nothing.",
    "data drift": "See whether the change was meant; then train on the time since.",
    "concept drift": "Label what was found and missed since; then train anew: old rows mislead.",
    "model decay": "Train anew on recent time; if quality keeps falling, train more often.",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a check came to; `loss` is the relative loss of quality, None = unknown."""

    kind: Kind
    priority: Priority | None
    loss: float | None
    action: str


def meaning(*, inputs_moved: bool, qualities: list[float], outputs_moved: bool = False) -> Meaning:
    """Tell data drift, concept drift and model decay apart.

    Args:
        inputs_moved: Whether any feature drifted.
        qualities: Of the checks since training, oldest first; the first is the baseline. Empty
            or one alone: unknown.
        outputs_moved: Whether scores or the rate of alarms did: where inputs did not, what the
            models learned no longer fits what they see together.

    A loss beyond a tenth of the baseline is P0, beyond a twentieth P1, any other drift P2; moved
    inputs that are known to have cost no quality are P3.
    """
    loss = None
    if len(qualities) > 1 and qualities[0] > 0.0:
        loss = (qualities[0] - qualities[-1]) / qualities[0]
    worse = loss is not None and loss > _HIGH
    kind: Kind = "none"
    if worse and not inputs_moved:
        kind = "model decay" if _slowly(qualities) else "concept drift"
    elif inputs_moved:
        kind = "data drift"
    elif outputs_moved:
        kind = "concept drift"
    return Meaning(kind, _priority(kind, loss), loss, _ACTIONS[kind])


def _priority(kind: Kind, loss: float | None) -> Priority | None:
    if kind == "none":
        return None
    if loss is None:
        return "P2"
    if loss > _CRITICAL:
        return "P0"
    if loss > _HIGH:
        return "P1"
    return "P2" if loss > 0.0 else "P3"


def _slowly(qualities: list[float]) -> bool:
    """Whether quality fell at `_SLOW` checks or more, at none by more than half of the whole."""
    falls = [before - after for before, after in pairwise(qualities)]
    whole = qualities[0] - qualities[-1]
    return sum(fall > 0.0 for fall in falls) >= _SLOW and max(falls) <= whole / 2.0
