"""Sinks that fail: counted, offered again, and never the end of watching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.detections.detection import Severity
from boxwatch.incidents import Incident, State
from boxwatch.live.telling import Outlets
from boxwatch.pulse import REGISTRY
from boxwatch.sinks import MemorySink

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)


def incident(number: int, minutes: int = 1) -> Incident:
    """The incident of a number, which lasted so long so far."""
    end = NOON + timedelta(minutes=minutes)
    return Incident(
        f"i{number}", "box", "host", NOON, end, State.OPEN, Severity.HIGH, "t", (), "", ()
    )


class Refusing:
    """A sink that raises `error` while it has one."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.taken: list[Incident] = []

    def write(self, incidents: Sequence[Incident]) -> None:
        if self.error is not None:
            raise self.error
        self.taken += incidents

    def flush(self) -> None:
        self.write(())

    def close(self) -> None: ...


def failures() -> float:
    """How many failures were counted."""
    return REGISTRY.total("boxwatch_failures_total")


def test_a_sink_that_raises_keeps_no_other_from_hearing():
    """The one before it and the one behind it are told."""
    first, last = MemorySink(), MemorySink()
    before = failures()
    Outlets([first, Refusing(RuntimeError("no")), last]).write([incident(1)])
    assert list(first.incidents) == list(last.incidents) == [incident(1)]
    assert failures() == before + 1


def test_what_was_refused_is_offered_again():
    """With the next turn, whatever it brings: the newest word on each incident, once."""
    sink = Refusing(OSError("full"))
    outlets = Outlets([sink])
    outlets.write([incident(1), incident(2)])
    outlets.write([incident(1, minutes=2)])
    sink.error = None
    outlets.write()
    outlets.write()
    assert sink.taken == [incident(2), incident(1, minutes=2)]


def test_a_sink_that_never_takes_anything_is_kept_a_thousand():
    """The oldest goes first, and that is counted."""
    sink = Refusing(OSError("full"))
    outlets = Outlets([sink])
    before = failures()
    outlets.write([incident(number) for number in range(1001)])
    assert failures() == before + 2
    sink.error = None
    outlets.write()
    assert [one.id for one in sink.taken] == [f"i{number}" for number in range(1, 1001)]


def test_a_sink_that_cannot_flush_is_told_of():
    """It stops neither the other sinks nor whoever flushes."""
    before = failures()
    Outlets([Refusing(OSError("full")), MemorySink()]).flush()
    assert failures() == before + 1


@pytest.mark.parametrize("call", ["write", "flush"])
def test_a_reader_that_went_away_ends_it(call):
    """As `up --json | head` does: nobody is left to be told."""
    outlets = Outlets([Refusing(BrokenPipeError())])
    with pytest.raises(BrokenPipeError):
        outlets.write([incident(1)]) if call == "write" else outlets.flush()


def test_nothing_new_is_not_told():
    """A turn without news writes nothing."""
    sink = Refusing(None)
    outlets = Outlets([sink])
    outlets.write()
    assert sink.taken == []
