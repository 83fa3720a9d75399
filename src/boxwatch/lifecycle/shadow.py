"""Whether a challenger that worked beside the champion may take its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from boxwatch.lifecycle.gates import Verdict
from boxwatch.lifecycle.intervals import poisson_low, wilson

_MARGIN: Final = timedelta(minutes=2)  # within which two occasions are about the same
_ENOUGH: Final = 0.9  # of what the champion rightly told, the challenger must tell so much


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something at a place for a time: an alarm, or what was wrong for all we know."""

    place: str
    start: datetime
    end: datetime

    def meets(self, other: Occasion) -> bool:
        """Whether both may be about the same."""
        near = self.start <= other.end + _MARGIN and other.start <= self.end + _MARGIN
        return near and self.place == other.place


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What was seen of both in the same windows.

    Attributes:
        weeks: Of one host that they were seen in.
        windows: That both scored.
        challenger: Its alarms, open to nobody.
        champion: Its alarms in the same windows.
        wrong: What something besides the champion's scores, or a person, says was wrong.
    """

    weeks: float
    windows: int
    challenger: Sequence[Occasion]
    champion: Sequence[Occasion]
    wrong: Sequence[Occasion]


def compare_alarms(seen: Shadowed, per_week: float) -> list[Verdict]:
    """Verdicts as those of the gates, from alarms of both in the same windows.

    The challenger must not surely alarm for nothing beyond the budget `per_week` unless the
    champion does as much, and of what was wrong and the champion told of, it must not surely have
    missed more than a tenth.
    """
    return [_alarms(seen, per_week), _missed(seen)]


def _alarms(seen: Shadowed, per_week: float) -> Verdict:
    mine, theirs = (_for_nothing(seen, one) for one in (seen.challenger, seen.champion))
    weeks = max(seen.weeks, 1e-9)
    low = poisson_low(mine) / weeks
    text = (
        f"in the shadow {mine} alarms for nothing, the champion {theirs}, "
        f"in the same {seen.windows} windows ({seen.weeks * 168:.1f} host hours)"
    )
    data = {"challenger": mine, "champion": theirs, "low_a_week": low, "windows": seen.windows}
    return Verdict("shadow: alarms", mine <= theirs or low <= per_week, mine, theirs, text, data)


def _missed(seen: Shadowed) -> Verdict:
    rightly = [one for one in seen.wrong if any(one.meets(alarm) for alarm in seen.champion)]
    told = sum(any(one.meets(alarm) for alarm in seen.challenger) for one in rightly)
    low, high = wilson(told, len(rightly))
    share = told / len(rightly) if rightly else 1.0
    text = f"of {len(rightly)} faults that the champion told of in the shadow, it told of {told}"
    data = {"faults": len(rightly), "told": told, "low": low, "high": high}
    return Verdict("shadow: faults", high >= _ENOUGH, share, _ENOUGH, text, data)


def _for_nothing(seen: Shadowed, alarms: Sequence[Occasion]) -> int:
    return sum(not any(alarm.meets(one) for one in seen.wrong) for alarm in alarms)
