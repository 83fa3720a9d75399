"""From what a person can bear (false alarms per host and week) to a threshold on p-values."""

from __future__ import annotations

import math
from typing import Final

from boxwatch.errors import SettingError

WEEK_SECONDS: Final = 7 * 24 * 3600.0
LEAST_STRANGE: Final = 0.05  # a window that one in twenty exceeds is no alarm under any budget


def threshold(
    false_alarms_per_host_week: float,
    window_seconds: float,
    entities_per_host: float,
    share: float = 1.0,
    most: float = LEAST_STRANGE,
) -> float:
    """The p-value at or below which a window is an alarm.

    A host yields `604800 / window_seconds * entities_per_host` windows a week. If a normal window
    falls at or below alpha with probability alpha, that many times alpha are expected; setting
    this to the budget gives

        alpha = budget * share * window_seconds / (604800 * entities_per_host)

    One false alarm a week, 60 s windows, one entity: 1 / 10080 = 1e-4. Expectations add up under
    any dependence. Strange normal windows come in runs, and a run opens one incident, so the
    incidents are fewer than the windows counted here: the budget holds with room to spare.

    Args:
        false_alarms_per_host_week: The budget; 0 means no alarm may ever be false, so none is.
        window_seconds: From one window's start to the next one's, for one entity.
        entities_per_host: How many entities of the view a host has (its GPUs, its services).
        share: The part of the budget that this view may spend; views' shares sum to 1.
        most: Alpha at most, however large the budget.

    Returns:
        Alpha, from 0 to `most`.

    Raises:
        SettingError: a number is negative, not finite, or zero where that has no meaning.
    """
    _check("false_alarms_per_host_week", false_alarms_per_host_week, zero=True)
    _check("window_seconds", window_seconds, zero=False)
    _check("entities_per_host", entities_per_host, zero=False)
    _check("share", share, zero=True)
    windows = WEEK_SECONDS / window_seconds * entities_per_host
    return min(false_alarms_per_host_week * share / windows, most)


def is_alarm(p: float, alpha: float) -> bool:
    """Whether a window is an alarm: p at or below alpha. Unknown (NaN) is none, nor is any at 0."""
    return alpha > 0.0 and p <= alpha


def _check(name: str, value: float, *, zero: bool) -> None:
    if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not zero):
        allowed = "zero or more" if zero else "more than zero"
        raise SettingError(f"{name} is {value!r}; it must be a finite number, {allowed}.")
