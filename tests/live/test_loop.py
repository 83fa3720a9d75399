"""The loop: stored first, then judged, told, saved; and taken up again after any stop."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.live import recorded

from boxwatch.incidents import Incident
from boxwatch.live import Loop, LoopOptions, Pipeline, Turn
from boxwatch.pulse import REGISTRY
from boxwatch.sinks import MemorySink, Sink
from boxwatch.store import EventStore, StateStore

MINUTES = 16  # in the thirteenth the card falls off the bus


class Tape:
    """A feed of turns made before; `meanwhile` is called before each with its number."""

    def __init__(self, turns: recorded.Turns, meanwhile: Callable[[int], None] = id) -> None:
        self._turns = turns
        self._meanwhile = meanwhile
        self.closed = False

    async def turns(self) -> AsyncIterator[Turn]:
        for number, (events, now) in enumerate(self._turns):
            self._meanwhile(number)
            await asyncio.sleep(0)
            yield Turn(events, now, {"tape": {"turn": number}})

    async def last(self) -> Turn | None:
        return None

    async def close(self) -> None:
        self.closed = True


class Watch:
    """A data folder opened for watching."""

    def __init__(
        self, folder: Path, sinks: Sequence[Sink] = (), options: LoopOptions | None = None
    ) -> None:
        self._stack = ExitStack()
        self.store = self._stack.enter_context(EventStore.open(folder, writable=True))
        self.state = self._stack.enter_context(StateStore.open(folder))
        self.loop = Loop(self.store, self.state, Pipeline(), sinks, options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def run(self, tape: Tape, stop: asyncio.Event | None = None, tell=None) -> None:
        asyncio.run(self.loop.run(tape, asyncio.Event() if stop is None else stop, tell))


@pytest.fixture(scope="module")
def turns(recording) -> recorded.Turns:
    """The first quarter of an hour, in turns of a minute."""
    return recording.turns(60, until_s=60 * MINUTES)


@pytest.fixture(scope="module")
def expected(turns) -> list[Incident]:
    """What an undisturbed pipeline says of it."""
    found = recorded.by_start(recorded.judged(Pipeline(), turns).values())
    assert found
    return found


def test_a_run_stores_judges_and_saves(tmp_path, turns, expected):
    """Afterwards every turn is in the store, and the state covers all of them."""
    tape = Tape(turns)
    with Watch(tmp_path) as watch:
        watch.run(tape)
        assert [batch.now for batch in watch.store.batches()] == [now for _, now in turns]
        assert watch.state.incidents() == expected
        assert watch.state.load_checkpoint().seq == MINUTES
        assert watch.store.head().positions == {"tape": {"turn": MINUTES - 1}}
    assert tape.closed


@pytest.mark.parametrize(("saved", "stored"), [(0, 16), (5, 14), (13, 15), (15, 16)])
def test_after_a_crash_it_goes_on(tmp_path, turns, expected, saved, stored):
    """Batches that were stored but not covered are judged again; the outcome is the same."""
    if saved:
        with Watch(tmp_path) as first:
            first.run(Tape(turns[:saved]))
    with EventStore.open(tmp_path, writable=True) as store:
        for events, now in turns[saved:stored]:
            store.append(events, now, {})
    with Watch(tmp_path) as second:
        assert second.loop.recover() == stored - saved
        assert second.state.load_checkpoint().seq == stored
        second.run(Tape(turns[stored:]))
        assert second.state.incidents() == expected


def test_recovering_twice_changes_nothing(tmp_path, turns):
    """Where everything is covered there is nothing to judge."""
    with Watch(tmp_path) as first:
        first.run(Tape(turns[:3]))
    with Watch(tmp_path) as second:
        assert second.loop.recover() == 0


def test_sinks_are_told_after_the_events_are_stored(tmp_path, turns, expected):
    """Whoever hears of an incident can read its evidence; in the end all were heard of."""
    sink, seen = MemorySink(), []

    class Asking:
        """A sink that looks into the store, as a person who is called would."""

        def write(self, incidents: Sequence[Incident]) -> None:
            with EventStore.open(tmp_path, writable=False) as store:
                seen.extend(store.head().now >= one.end for one in incidents)

        def flush(self) -> None: ...

        def close(self) -> None: ...

    with Watch(tmp_path, [sink, Asking()]) as watch:
        watch.run(Tape(turns))
    assert recorded.by_start(sink.incidents) == expected
    assert seen
    assert all(seen)


def test_the_state_never_runs_ahead_of_the_events(tmp_path, turns):
    """After every turn the checkpoint covers stored batches only, and what changed is in it."""
    covered = []
    with Watch(tmp_path, options=LoopOptions(checkpoint_s=0.0)) as watch:

        def tell(status) -> None:
            checkpoint = watch.state.load_checkpoint()
            covered.append(watch.store.head().seq - checkpoint.seq)
            opened = [one for one in watch.state.incidents() if one.state == "open"]
            assert len(opened) == status.open_incidents

        watch.run(Tape(turns), tell=tell)
    assert covered == [0] * MINUTES


def test_it_stops_when_told(tmp_path, turns):
    """Within a turn or between two: what was stored is judged and saved."""
    stop = asyncio.Event()
    tape = Tape(turns, lambda number: stop.set() if number == 4 else None)
    with Watch(tmp_path) as watch:
        watch.run(tape, stop)
        head = watch.store.head().seq
        assert head in (4, 5)
        assert watch.state.load_checkpoint().seq == head
    assert tape.closed


def test_a_feed_that_breaks_leaves_a_saved_state(tmp_path, turns):
    """The mistake is not hidden, and what came before it is not judged again."""

    def fail(number: int) -> None:
        if number == 3:
            raise RuntimeError("a mistake in the feed")

    with Watch(tmp_path) as watch:
        with pytest.raises(RuntimeError, match="mistake in the feed"):
            watch.run(Tape(turns, fail))
        assert watch.state.load_checkpoint().seq == watch.store.head().seq == 3


def test_incidents_are_known_before_the_state_is_saved(tmp_path, turns):
    """With every turn, while the state of the pipeline is saved now and then only."""
    known = []
    with Watch(tmp_path, options=LoopOptions(checkpoint_s=3600.0)) as watch:

        def tell(status) -> None:
            opened = [one for one in watch.state.incidents() if one.state == "open"]
            known.append((len(opened) == status.open_incidents, watch.state.load_checkpoint()))

        watch.run(Tape(turns), tell=tell)
    assert known == [(True, None)] * MINUTES


def test_what_was_known_ahead_of_the_state_is_not_told_twice(tmp_path, turns, expected):
    """Killed with incidents written and no state saved: the same incidents, the same history."""
    with Watch(tmp_path) as first:
        for events, now in turns:
            seq = first.store.append(events, now, {})
            first.loop.judge(seq, Turn(events, now, {}))
            first.loop._tidy(now)
        before = {one.id: first.state.history(one.id) for one in first.state.incidents()}
        assert first.state.load_checkpoint() is None
    with Watch(tmp_path) as second:
        assert second.loop.recover() == MINUTES
        assert second.state.incidents() == expected
        assert {one.id: second.state.history(one.id) for one in expected} == before


def test_a_sink_that_fails_does_not_end_watching(tmp_path, turns, expected):
    """Everything is stored, judged and saved; the sink's failures are counted."""

    class Broken(MemorySink):
        """A sink with a mistake."""

        def write(self, incidents: Sequence[Incident]) -> None:
            raise RuntimeError("a mistake in this sink")

    failures = REGISTRY.total("boxwatch_failures_total")
    with Watch(tmp_path, [Broken()]) as watch:
        watch.run(Tape(turns))
        assert watch.state.incidents() == expected
    assert REGISTRY.total("boxwatch_failures_total") > failures


def fill(device: Path, leave: int) -> None:
    """Leave so many bytes free until something has failed for it."""
    ballast, loop = device / "ballast", asyncio.get_running_loop()
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(device).free - leave)))
    failures = REGISTRY.total("boxwatch_failures_total")

    def look() -> None:
        if REGISTRY.total("boxwatch_failures_total") > failures:
            ballast.unlink()
        else:
            loop.call_later(0.02, look)

    look()


class Filling:
    """A sink that is told of the first incident just before the device is full."""

    def __init__(self, device: Path) -> None:
        self._device = device
        self.told = 0

    def write(self, incidents: Sequence[Incident]) -> None:
        if self.told == 0:
            fill(self._device, 0)
        self.told += len(incidents)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def survives(device: Path, tape: Tape, sinks: Sequence[Sink], expected: list[Incident]) -> None:
    """Run over a device that is full for a while; nothing is lost, everything is saved."""
    options = LoopOptions(retry_s=0.05)  # the first state is saved when there is an incident
    failures = REGISTRY.total("boxwatch_failures_total")
    with Watch(device / "data", sinks, options) as watch:
        watch.run(tape)
        assert REGISTRY.total("boxwatch_failures_total") > failures
        assert len(list(watch.store.batches())) == MINUTES
        assert watch.state.incidents() == expected
        assert watch.state.load_checkpoint().seq == MINUTES


@pytest.mark.parametrize("leave", [0, 65_536])
def test_a_turn_that_does_not_fit_waits_for_room(device, turns, expected, leave):
    """It keeps the turn in its hands until there is room for it."""
    tape = Tape(turns, lambda number: fill(device, leave) if number == 12 else None)
    survives(device, tape, [], expected)


def test_a_state_that_does_not_fit_is_saved_later(device, turns, expected):
    """The events are stored, the incident is told; the checkpoint waits for room."""
    sink = Filling(device)
    survives(device, Tape(turns), [sink], expected)
    assert sink.told


def test_a_device_that_is_full_at_the_start_does_not_end_watching(device, turns, expected):
    """What was stored is judged, the state is saved once there is room, and watching goes on."""
    with EventStore.open(device / "data", writable=True) as store:
        for events, now in turns[:14]:
            store.append(events, now, {})
    with Watch(device / "data", options=LoopOptions(retry_s=0.05)) as watch:
        ballast = device / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(device).free))
        assert list(watch.loop.recovering()) == list(range(1, 15))
        assert watch.state.load_checkpoint() is None
        ballast.unlink()
        watch.run(Tape(turns[14:]))
        assert watch.state.incidents() == expected
        assert watch.state.load_checkpoint().seq == MINUTES
