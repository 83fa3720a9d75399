"""The engine's events on their way: each once, in their order, and whether some are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from xxhash import xxh3_64_intdigest

from boxwatch.errors import SourceError

Event = dict[str, Any]
UNREADABLE: Final = "unreadable"  # the key of what was no event: it goes to quarantine as it is

_SECOND: Final = 10**9
_DISORDER: Final = 2 * _SECOND  # events are stamped before they queue: nearly in order
_MOST_KEPT: Final = 512  # events of the last two seconds that are remembered
_ONE_KILL: Final = 2 * _SECOND  # the engine reports one out-of-memory kill up to four times
_LEFT_OUT: Final = ("exec_", "attach", "detach", "top", "resize", "archive-path", "export", "copy")


class EventTail:
    """What was received of the engine's events; all of its state is in `position`.

    The engine keeps its last 256 events, in memory: more than that, and those before its restart,
    are gone. Reading on begins a little before the last event; if that one does not come again,
    others may be missing.
    """

    def __init__(
        self, last: int, seen: Iterable[int] = (), ooms: Mapping[str, int] | None = None
    ) -> None:
        self._last = last  # nanoseconds since the epoch
        self._seen: dict[int, int] = dict.fromkeys(seen, last)  # hash -> when
        self._ooms: dict[str, int] = dict(ooms or {})  # container -> its last kill
        self._overlap = True
        self._expected: set[int] = set()

    def resume(self, now: int) -> str:
        """Prepare for reading again; the `since` to ask for, in seconds.

        Never later than `now`: a clock that was ahead would hide what comes until it is reached.
        """
        self._expected = {mark for mark, at in self._seen.items() if at == self._last}
        self._overlap = not self._expected
        since = min(self._last, now) - (_DISORDER if self._seen else 0)
        return seconds(max(0, since))

    def take(self, lines: bytes) -> tuple[list[Event], str]:
        """The events of `lines` that are new, and why some may be missing before them, or ''."""
        events, hole = [], ""
        for line in lines.splitlines():
            event = _read(line)
            at = event.get("timeNano")
            if not isinstance(at, int) or isinstance(at, bool):
                events.append(event)
                continue
            mark = xxh3_64_intdigest(_identity(event))
            if mark in self._seen:
                self._overlap = self._overlap or mark in self._expected
                continue
            if not self._overlap:
                hole = f"between {seconds(self._last)} and {seconds(at)}"
                self._overlap = True
            self._note(mark, at)
            if not _is_noise(event) and not self._is_echo(event, at):
                events.append(event)
        return events, hole

    def position(self) -> dict[str, object]:
        """The last event, and what tells those near it apart, JSON-able."""
        return {"last": self._last, "seen": list(self._seen), "ooms": dict(self._ooms)}

    def _note(self, mark: int, at: int) -> None:
        self._last = max(self._last, at)
        self._seen[mark] = at
        if len(self._seen) > 1:
            oldest = self._last - 2 * _DISORDER
            kept = {key: when for key, when in self._seen.items() if when >= oldest}
            excess = len(kept) - _MOST_KEPT
            self._seen = dict(list(kept.items())[excess:]) if excess > 0 else kept
        self._ooms = {k: when for k, when in self._ooms.items() if at - when <= _ONE_KILL}

    def _is_echo(self, event: Event, at: int) -> bool:
        """Whether this is a kill that was reported just now."""
        key, action = subject(event)[0], event.get("Action")
        if action == "start":
            self._ooms.pop(key, None)
        if action != "oom":
            return False
        echo = key in self._ooms
        self._ooms[key] = at
        return echo


def read_tail(position: Mapping[str, object]) -> EventTail:
    """The tail that `EventTail.position` described.

    Raises:
        SourceError: it describes nothing of the kind.

    """
    try:
        last, seen, ooms = (position[key] for key in ("last", "seen", "ooms"))
        return EventTail(
            int(last),  # type: ignore[call-overload]
            map(int, seen),  # type: ignore[call-overload]
            {str(key): int(at) for key, at in ooms.items()},  # type: ignore[attr-defined]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{position!r} is not a position among container events.",
            hint="It needs last, seen and ooms.",
        ) from error


def subject(event: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The id of what an event is about, and its attributes."""
    actor = event.get("Actor")
    if not isinstance(actor, Mapping):
        return "", {}
    attributes = actor.get("Attributes")
    return str(actor.get("ID", "")), attributes if isinstance(attributes, Mapping) else {}


def own_event(
    kind: str, action: str, actor: str, attributes: Mapping[str, str], nanos: int
) -> Event:
    """What we found out ourselves, in the form of the engine's events."""
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": actor, "Attributes": dict(attributes)},
        "time": nanos // _SECOND,
        "timeNano": nanos,
    }


def seconds(nanos: int) -> str:
    """Nanoseconds since the epoch in seconds, exactly."""
    return f"{nanos // _SECOND}.{nanos % _SECOND:09d}"


def _read(line: bytes) -> Event:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        event = None
    if isinstance(event, dict):
        return event
    return {UNREADABLE: line.decode("utf-8", "backslashreplace")}


def _identity(event: Event) -> bytes:
    parts = (event["timeNano"], event.get("Type"), event.get("Action"), subject(event)[0])
    return "\x1f".join(map(str, parts)).encode("utf-8", "backslashreplace")


def _is_noise(event: Event) -> bool:
    return str(event.get("Action", "")).startswith(_LEFT_OUT)
