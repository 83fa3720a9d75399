"""When to train anew: the reasons, in their order, and the pause after refusals.

A pure function of what is known, so that it is the same in watching, in a test and in a bench.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Cause = Literal["first", "schedule", "drift", "labels", "command"]

_PAUSE: Final = timedelta(hours=1)  # after the first refusal; each further one doubles it,
_LONGEST: Final = timedelta(days=1)  # up to this


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person set.

    Attributes:
        every: Train anew so long after the last training; None = not by the calendar.
        shadow: How long a version scores beside the champion before it may take its place; None =
            it takes it once the gates let it through.
        automatic: Whether a version is promoted without a person.
    """

    every: timedelta | None = None
    shadow: timedelta | None = None
    automatic: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known now.

    Attributes:
        now: The present.
        champion: Whether a version is in use.
        challenger: Whether one waits, in the shadow or for a person.
        trained: When the last training began; None = there was none.
        refusals: Attempts in a row that led to no version that may be used.
        attempted: When the last of them ended.
        drifted: What moved, in words; empty = nothing is known to have.
        labels: How many labels people gave since the last training.
        asked: A person's reason for training now; None = nobody asked.
    """

    now: datetime
    champion: bool
    challenger: bool = False
    trained: datetime | None = None
    refusals: int = 0
    attempted: datetime | None = None
    drifted: str = ""
    labels: int = 0
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What there is a reason for; `cause` None = nothing, and `why` says what is waited for."""

    cause: Cause | None
    why: str


def due(policy: Policy, found: Situation) -> Due:
    """Whether to train now, and why or why not.

    A person's word goes before all; after refusals nothing else is tried until a pause is over,
    which doubles with each of them. While a version waits beside the champion, only the calendar
    brings another.
    """
    if found.asked is not None:
        return Due("command", found.asked or "asked for")
    until = _pause(found)
    if until is not None and found.now < until:
        return Due(None, f"{found.refusals} refused in a row: not before {until.isoformat()}")
    if not found.champion:
        return Due("first", "nothing is in use yet")
    return _noticed(found) or _by_the_calendar(policy, found)


def _noticed(found: Situation) -> Due | None:
    if found.challenger:
        return None
    if found.labels > 0:
        return Due("labels", f"{found.labels} labels were given since the last training")
    return Due("drift", f"drifted: {found.drifted}") if found.drifted else None


def _by_the_calendar(policy: Policy, found: Situation) -> Due:
    if policy.every is None:
        return Due(None, "nothing moved and nobody asked")
    at = None if found.trained is None else found.trained + policy.every
    if at is None or found.now >= at:
        return Due("schedule", f"{_hours(policy.every)} since the last training")
    return Due(None, f"the next training is due at {at.isoformat()}")


def _pause(found: Situation) -> datetime | None:
    if found.refusals <= 0 or found.attempted is None:
        return None
    doubled: int = 2 ** min(found.refusals - 1, 10)
    return found.attempted + min(_PAUSE * doubled, _LONGEST)


def _hours(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):g} h"
