"""One kind of line that comes all the time, and the service that writes it.

How far its lines are apart is learned both in time and in the other lines of the service; it is
missing where both are several times as much as ever. Lines that come when there is work are told
from those that come by the clock by how evenly they come, and by how much else the service wrote
meanwhile: where it writes less than it ever did while the line still came, nothing is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from boxwatch.detections.logs.gaps import Gaps, times
from boxwatch.detections.logs.learning import Learning

_LEAST: Final = 100  # gaps that must be known
_AGES: Final = 2.0  # times the age a service must have, for a line of it to be missing
_MOST_AGE_S: Final = 86400.0
_MOSTLY: Final = 0.75  # so many gaps are no longer than
_EVEN: Final = 2.5  # times less than the longest usual one, where a line comes evenly
_MORE: Final = 3.0  # times the longest usual gap, at least
_STRANGE: Final = 1e-6
_LEAST_S: Final = 60.0
_LEAST_LINES: Final = 10
_CHUNK_S: Final = 300.0  # over so long it is looked at how much else was written
_SLOWER: Final = 1.5  # times: how much less may be written than before
_LEAST_CHUNKS: Final = (2, 0.05)  # with as little else, or less: at least so many, and this share
_SELDOM: Final = 5  # times that a line tells of a start, up to which it is news
_MANY: Final = 20  # processes from which a service is one of many processes
_MOST_KINDS: Final = 64
_NEVER: Final = math.inf

Gap = tuple[float, int]

_STARTS: Final = re.compile(
    r"\b(?:start(?:ed|ing|s|up)?|restart\w*|boot\w*|listening|initiali[sz]\w+|launch\w*|reload\w*"
    r"|ready|version|deploy\w*)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Beat:
    """One kind of line. Times are watched seconds; places count the lines of the service."""

    first: float
    at: float  # of the latest
    place: int
    when: float  # seconds since the epoch
    event_id: int
    process: str
    fails: bool
    starts: bool  # whether it tells of a start
    seconds: Gaps = field(default_factory=Gaps)
    lines: Gaps = field(default_factory=Gaps)
    heard: int = 0  # how often it came
    own: int = 0  # lines of its kind since `chunk_at`
    chunk_at: float = 0.0
    chunk_place: int = 0
    levels: dict[int, int] = field(default_factory=dict)  # by place of how much else was written
    enough_s: float = _NEVER  # so long a gap, in time and in lines, is too long
    enough_lines: float = _NEVER
    judged: int = 0  # gaps when that was worked out

    def gap(self, at: float, place: int) -> Gap:
        """How far a line is from the latest one, in seconds and in other lines."""
        return max(at - self.at, 0.0), max(place - self.place - 1, 0)

    def learn(self, gaps: Iterable[Gap]) -> None:
        """Take gaps for usual, or for some of the few that are not."""
        for seconds, lines in gaps:
            self.seconds.add(seconds)
            self.lines.add(lines)
        if self.seconds.count >= max(_LEAST, 1.05 * self.judged):
            self._judge()

    def _judge(self) -> None:
        self.judged = self.seconds.count
        usual, lines = self.seconds.usual(), self.lines.usual()
        if usual.longest > _EVEN * self.seconds.upto(_MOSTLY):
            self.enough_s = self.enough_lines = _NEVER
            return
        more = max(_MORE, times(usual, self.judged, _STRANGE))
        self.enough_s = max(_LEAST_S, more * usual.longest)
        more = max(_MORE, times(lines, self.judged, _STRANGE))
        self.enough_lines = max(_LEAST_LINES, more * lines.longest)

    def measure(self, at: float, place: int) -> None:
        """Note how much else was written while it came; `at` and `place` are of its latest."""
        if at - self.chunk_at >= _CHUNK_S:
            level = _level((place - self.chunk_place - self.own) / (at - self.chunk_at))
            self.levels[level] = self.levels.get(level, 0) + 1
            self.begin(at, place)

    def begin(self, at: float, place: int) -> None:
        """Look anew at how much else is written."""
        self.chunk_at, self.chunk_place, self.own = at, place, 0

    def as_quiet(self, lines: int, seconds: float) -> bool:
        """Whether it came while the service wrote as little else as it does now."""
        now = _level(_SLOWER * lines / seconds)
        calm = sum(count for level, count in self.levels.items() if level <= now)
        least, share = _LEAST_CHUNKS
        return calm >= max(least, share * sum(self.levels.values()))

    def forget(self) -> None:
        """Learn anew how far apart it comes."""
        self.seconds, self.lines, self.levels = Gaps(), Gaps(), {}
        self.enough_s = self.enough_lines = _NEVER
        self.first, self.judged = self.at, 0

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        state = asdict(self) | {"seconds": self.seconds.save(), "lines": self.lines.save()}
        for name in ("enough_s", "enough_lines"):
            state[name] = None if math.isinf(state[name]) else state[name]
        return state | {"levels": {str(level): count for level, count in self.levels.items()}}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The beat that `save` described."""
        state = dict(saved)
        for name in ("enough_s", "enough_lines"):
            state[name] = _NEVER if state[name] is None else state[name]
        state["levels"] = {int(level): count for level, count in state["levels"].items()}
        state["seconds"], state["lines"] = Gaps.load(state["seconds"]), Gaps.load(state["lines"])
        return cls(**state)


@dataclass(slots=True)
class Talker:
    """A service: its kinds of line, how many lines it wrote, and who wrote them."""

    first: float
    at: float = 0.0
    lines: int = 0
    started: float = -1.0
    due: float = _NEVER
    processes: int = 0
    spoke: dict[str, float] = field(default_factory=dict)  # process -> when
    beats: dict[str, Beat] = field(default_factory=dict)

    def speak(self, process: str, at: float) -> None:
        """`process` wrote a line."""
        if process not in self.spoke:
            self.processes = min(self.processes + 1, _MANY)
            if len(self.spoke) >= 2 * _MANY:
                del self.spoke[min(self.spoke, key=self.spoke.__getitem__)]
        self.spoke[process] = max(at, self.spoke.get(process, at))

    def room(self) -> bool:
        """Whether one more kind can be remembered: the longest unheard without a rhythm goes."""
        if len(self.beats) < _MOST_KINDS:
            return True
        idle = [name for name, beat in self.beats.items() if math.isinf(beat.enough_s)]
        if not idle:
            return False
        del self.beats[min(idle, key=lambda name: self.beats[name].at)]
        return True

    def heard_since(self, beat: Beat, at: float) -> bool:
        """Whether who wrote the latest line of `beat` has written at `at` or later.

        Of a service of many processes any of them counts, as each ends with its work.
        """
        return self.processes >= _MANY or self.spoke.get(beat.process, -1.0) >= at

    def started_since(self, beat: Beat) -> bool:
        """Whether the service said that it was started since the latest line of `beat`."""
        return beat.at <= self.started

    def missing(self, beat: Beat, learning: Learning) -> bool:
        """Whether `beat` should have come long ago."""
        seconds, lines = self.at - beat.at, self.lines - beat.place - 1
        if seconds < beat.enough_s or lines < beat.enough_lines or beat.fails:
            return False
        known = beat.at - beat.first
        least = _AGES * learning.age_s
        if known < max(least, min((self.at - self.first) / 2, _MOST_AGE_S)):
            return False
        if self.started_since(beat) or not self.heard_since(beat, beat.at + beat.enough_s):
            return False
        return beat.as_quiet(lines, seconds)

    def replaced(self, beat: Beat) -> bool:
        """Whether others write now than when `beat` was heard last, so that nobody can tell."""
        return self.started_since(beat) or not self.heard_since(beat, self.at - _CHUNK_S)

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return {
            "first": self.first,
            "at": self.at,
            "lines": self.lines,
            "started": self.started,
            "due": None if math.isinf(self.due) else self.due,
            "processes": self.processes,
            "spoke": dict(self.spoke),
            "beats": {name: beat.save() for name, beat in self.beats.items()},
        }

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The service that `save` described."""
        state = dict(saved)
        state["due"] = _NEVER if state["due"] is None else state["due"]
        state["spoke"] = dict(state["spoke"])
        state["beats"] = {name: Beat.load(beat) for name, beat in state["beats"].items()}
        return cls(**state)


def starts(template: str) -> bool:
    """Whether a line tells that something starts."""
    return _STARTS.search(template) is not None


def tells_of_start(beat: Beat) -> bool:
    """Whether a line is news of a start: not one that is heard again and again."""
    return beat.starts and beat.seconds.count < _SELDOM


def _level(per_second: float) -> int:
    """Half doublings."""
    return math.floor(2 * math.log2(max(per_second, 1e-6)))
