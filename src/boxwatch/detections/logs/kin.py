"""One kind of line of one service: how often it came, and whether that is too often now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from boxwatch.detections.logs.chances import poisson_tail
from boxwatch.detections.logs.stream import SLOT_S

WITHIN: Final = 1200 // SLOT_S  # slots looked at together: twenty minutes
_BUSY: Final = 5.0  # times its mean rate that a kind of failure may have in busy hours
_STRANGE: Final = 1e-6
SELDOM: Final = 5  # slots in its whole history up to which a kind of line is rare
_LEAST_RARE: Final = 3  # slots in twenty minutes from which a rare line is worth a word
_LEAST: Final = 6  # the same for others
_MORE: Final = 8.0  # times what all but the busiest minutes have
_BUSIEST: Final = 0.002  # share of the minutes that are the busiest
_FLOOR: Final = {True: 4, False: 60}  # by whether it fails: fewer lines a minute are never many
_MINUTE: Final = 60 // SLOT_S
_MOST_LOUD: Final = 120  # minutes that are no history: then it is how things are
_APART: Final = 30  # slots without a line between what does not belong together
_PLACES: Final = 24  # powers of two


@dataclass(slots=True)
class Kin:
    """One kind of line of one service. Slots are ten seconds, minutes six of them."""

    first: int  # slot in which it was first heard
    slots: int = 0  # in which it was heard, but the recent ones
    lines: int = 0  # in those
    recent: list[list[int]] = field(default_factory=list)  # slot, lines, first event id, time in µs
    minute: int = 0
    in_minute: int = 0
    loud: int = 0  # the latest minute that was far too loud, and the one before it
    loud_before: int = 0
    minutes: list[int] = field(default_factory=lambda: [0] * _PLACES)  # by power of two of lines
    loud_minutes: int = 0
    learnt: int = 0  # slots that the open finding added
    told: int = 0  # lines of the open finding


def repeats(kin: Kin, known: int) -> bool:
    """Whether a line that tells of a failure comes too often; `known` slots show its service."""
    if kin.slots == 0:
        return False  # of a kind never heard before: that is another finding
    count = len(kin.recent)
    if count < (_LEAST_RARE if kin.slots <= SELDOM else _LEAST):
        return False
    history = max(known - WITHIN, WITHIN)
    usual = _BUSY * WITHIN * (kin.slots + 0.5) / history
    return poisson_tail(count, usual) <= _STRANGE


def loud(kin: Kin, slot: int, count: int, known: int, *, fails: bool) -> bool:
    """Whether this minute and the one before have far more lines than minutes have."""
    minute = slot // _MINUTE
    if minute != kin.minute:
        if kin.in_minute and (kin.loud != kin.minute or kin.loud_minutes > _MOST_LOUD):
            kin.minutes[min(kin.in_minute.bit_length(), _PLACES) - 1] += 1
        kin.minute, kin.in_minute = minute, 0
    kin.in_minute += count
    allowed = _BUSIEST * known / _MINUTE
    level = 1 << _PLACES
    above = 0
    for place in range(_PLACES - 1, -1, -1):
        above += kin.minutes[place]
        if above > allowed:
            break
        level = 1 << place
    else:
        level = 0
    if kin.in_minute < _MORE * max(level, _FLOOR[fails]):
        return False
    before = kin.loud
    if before != minute:
        kin.loud_minutes += 1
        kin.loud_before = before
    kin.loud = minute
    return kin.loud_before == minute - 1


def together(kin: Kin) -> list[list[int]]:
    """The recent slots that belong together, up to the latest."""
    begin = len(kin.recent) - 1
    while begin > 0 and kin.recent[begin][0] - kin.recent[begin - 1][0] <= _APART:
        begin -= 1
    return kin.recent[begin:]
