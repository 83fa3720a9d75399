"""Where reading containers stands, in a form that outlives the process.

`{"since": RFC 3339, "events": {"last": ns, "seen": [hash, ...], "ooms": {id: ns}},
"containers": {id: {"marks": {stream: [timestamp, n]}, "finished": RFC 3339, "unread": bool}}}`;
n is how many lines of the stream carried that last timestamp. Containers that are removed are
forgotten, so it does not grow with time.
"""

from __future__ import annotations

from collections.abc import Mapping

from boxwatch.errors import SourceError
from boxwatch.sources.container_reader import Reached
from boxwatch.sources.source import Position

Containers = dict[str, Reached]
Events = Mapping[str, object]


def as_position(since: str, events: Events, containers: Mapping[str, Reached]) -> Position:
    """What `read_position` reads."""
    return {
        "since": since,
        "events": dict(events),
        "containers": {
            key: {
                "marks": {stream: list(mark) for stream, mark in reached.marks.items()},
                "finished": reached.finished,
                "unread": reached.unread,
            }
            for key, reached in containers.items()
        },
    }


def read_position(
    position: Position | None, since: str, now: int
) -> tuple[str, Events, Containers]:
    """Where to begin: the time, the state of the events, and how far each container was read.

    Without a position, at `since` (RFC 3339) and `now` (nanoseconds), and at nothing read.

    Raises:
        SourceError: it is not a position among containers.

    """
    if not position:
        return since, {"last": now, "seen": [], "ooms": {}}, {}
    try:
        start, events, containers = (position[key] for key in ("since", "events", "containers"))
        if not isinstance(start, str) or not isinstance(containers, Mapping):
            raise TypeError("since must be a text and containers a table")
        if not isinstance(events, Mapping):
            events = {"last": int(events[0]), "seen": [], "ooms": {}}  # type: ignore[index]
        return start, events, {str(key): _reached(each) for key, each in containers.items()}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SourceError(
            f"{dict(position)!r} is not a position among containers.",
            hint="It needs since, events and containers.",
        ) from error


def _reached(told: Mapping[str, object]) -> Reached:
    marks = told.get("marks", told)  # an earlier form had the streams only
    if not isinstance(marks, Mapping):
        raise TypeError(f"marks must be a table, not {marks!r}")
    return Reached(
        {str(stream): (str(at), int(n)) for stream, (at, n) in marks.items()},
        str(told.get("finished", "")) if marks is not told else "",
        bool(told.get("unread")) if marks is not told else False,
    )
