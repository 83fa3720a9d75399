"""Lines that belong together: tracebacks of Python and Java, joined into one record.

A record begins with a line and takes in what only makes sense after it. A line that may be the
beginning of more is held back for a moment; the others are handed on at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

_MOST_LINES: Final = 2_000
_MOST_BYTES: Final = 1 << 20
_LOOKED_AT: Final = 4096  # bytes of a line in which its kind is looked for

_TRACEBACK: Final = re.compile(rb"^Traceback \(most recent call last\):")
_DATED: Final = re.compile(rb"^[\[(<]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|^[IWEF]\d{4} \d\d:\d\d")
_INDENTED: Final = re.compile(rb"^[ \t]+\S|^[ \t]*[|+]")
_RAISED: Final = re.compile(rb"^[A-Za-z_][\w.]*(?:: |:$|$)")  # ValueError: ..., KeyboardInterrupt
_CHAINED: Final = re.compile(
    rb"^(?:During handling of the above exception|The above exception was the direct cause)"
)
_JAVA: Final = re.compile(
    rb"^(?:\s+at [\w.$<>/]+\(|\s*Caused by: |\s*Suppressed: |\s+\.\.\. \d+ (?:more|common))"
)
_NAMED: Final = re.compile(rb"^(?:[\w$]+\.)+[\w$]*(?:Exception|Error|Throwable)(?::|\s*$)")
_THROWN: Final = re.compile(
    rb"(?i)traceback|exception|error|caused by|thrown|panic|fatal|critical|warn|fail"
)


class Record(NamedTuple):
    """One or more lines, and where the first of them stood."""

    offset: int
    text: bytes


class _Mood(Enum):
    """What was read last."""

    LINE = auto()  # an ordinary line
    FRAMES = auto()  # a traceback, before what was raised
    RAISED = auto()  # what was raised: another traceback may follow
    STACK = auto()  # frames of Java and its like


@dataclass(slots=True)
class _Held:
    offset: int
    lines: list[bytes]
    size: int
    dated: bool
    until: float = 0.0


class JoinedLines:
    """The lines of one file on their way to records; `hold_s` is how long a last one may wait."""

    def __init__(self, hold_s: float = 1.0) -> None:
        self._hold_s = hold_s
        self._held: _Held | None = None
        self._mood = _Mood.LINE

    @property
    def held_from(self) -> int | None:
        """Where the first line stood that was not handed on; None if all were."""
        return None if self._held is None else self._held.offset

    def add(self, lines: Iterable[tuple[int, bytes]], now: float) -> list[Record]:
        """The records that `lines`, the next ones, complete."""
        done: list[Record] = []
        for offset, line in lines:
            held = self._held
            mood = self._after(line[:_LOOKED_AT]) if held is not None else None
            if held is not None and mood is not None and self._room(held, line):
                held.lines.append(line)
                held.size += len(line)
                self._mood = mood
            else:
                done += self.flush()
                self._begin(offset, line)
        if self._held is not None and lines:
            self._held.until = now + self._hold_s
            if not self._may_go_on(self._held):
                done += self.flush()
        return done

    def late(self, now: float) -> list[Record]:
        """What was held back long enough."""
        held = self._held
        return self.flush() if held is not None and now >= held.until else []

    def flush(self) -> list[Record]:
        """What was held back, now."""
        held, self._held = self._held, None
        if held is None:
            return []
        while len(held.lines) > 1 and not held.lines[-1].strip():
            held.lines.pop()
        return [Record(held.offset, b"\n".join(held.lines))]

    def _begin(self, offset: int, line: bytes) -> None:
        head = line[:_LOOKED_AT]
        self._held = _Held(offset, [line], len(line), _DATED.match(head) is not None)
        self._mood = _Mood.LINE
        if _TRACEBACK.match(head):
            self._mood = _Mood.FRAMES
        elif _JAVA.match(head):
            self._mood = _Mood.STACK

    def _room(self, held: _Held, line: bytes) -> bool:
        return len(held.lines) < _MOST_LINES and held.size + len(line) <= _MOST_BYTES

    def _may_go_on(self, held: _Held) -> bool:
        """Whether more may follow: ordinary lines are not worth waiting for."""
        if self._mood is not _Mood.LINE or len(held.lines) > 1:
            return True
        return _THROWN.search(held.lines[0][:_LOOKED_AT]) is not None

    def _after(self, line: bytes) -> _Mood | None:
        """What the record holds with `line`, or None if `line` is a record of its own."""
        held, mood = self._held, self._mood
        if held is None or _DATED.match(line):
            return None
        if _JAVA.match(line):
            return _Mood.STACK
        if _TRACEBACK.match(line):
            chained = mood is _Mood.RAISED and not held.lines[-1].strip()
            return _Mood.FRAMES if chained or (mood is _Mood.LINE and held.dated) else None
        if _INDENTED.match(line):
            return mood if mood is not _Mood.LINE or held.dated else None
        if mood is _Mood.LINE and held.dated and _NAMED.match(line):
            return _Mood.STACK
        return _plainly_after(mood, line)


def _plainly_after(mood: _Mood, line: bytes) -> _Mood | None:
    """As `_after`, of a line that is neither indented nor the head of a trace."""
    if mood is _Mood.FRAMES and _RAISED.match(line):
        return _Mood.RAISED
    if mood is _Mood.RAISED and (not line.strip() or _CHAINED.match(line)):
        return _Mood.RAISED
    return None
