"""A recording: what watching would have stored, the raw lines, and the same when replayed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.live import recorded
from tests.live.test_loop import MINUTES, Tape, Watch

from boxwatch.errors import UsageError
from boxwatch.events import RawChunk
from boxwatch.live import Recorder, ReplayFeed, Turn
from boxwatch.store import EventStore


@pytest.fixture(scope="module")
def turns(recording) -> recorded.Turns:
    """The first quarter of an hour, in turns of a minute."""
    return recording.turns(60, until_s=60 * MINUTES)


class RawTape(Tape):
    """A feed whose turns carry a raw line each, numbered from `first`."""

    def __init__(self, turns: recorded.Turns, first: int) -> None:
        super().__init__(turns)
        self._first = first

    async def turns(self):
        number = self._first
        async for turn in super().turns():
            line = f'{{"host":"box","n":{number}}}\n'.encode()
            yield replace(turn, raw=[RawChunk("host", line, "box", "/proc")])
            number += 1


def record(folder, turns: recorded.Turns, first: int = 0) -> None:
    """Record `turns` into `folder`."""
    with EventStore.open(folder, writable=True) as store:
        asyncio.run(Recorder(store).run(RawTape(turns, first), asyncio.Event()))


def raw_lines(folder) -> list[bytes]:
    """All raw lines of a recording."""
    files = sorted((folder / "ingested").glob("*/*.jsonl"))
    return [line for path in files for line in path.read_bytes().splitlines()]


def test_a_recording_played_back_gives_what_watching_gave(tmp_path, turns):
    """The same batches, and the same incidents word by word."""
    with Watch(tmp_path / "up") as up:
        up.run(Tape(turns))
        expected = up.state.incidents()
        watched = [(batch.seq, batch.now) for batch in up.store.batches()]
    record(tmp_path / "tape", turns)
    with (
        EventStore.open(tmp_path / "tape", writable=False) as tape,
        Watch(tmp_path / "again") as again,
    ):
        assert [(batch.seq, batch.now) for batch in tape.batches()] == watched
        again.run(ReplayFeed(tape, {}))
        assert again.state.incidents() == expected
    assert expected


def test_the_raw_lines_are_kept(tmp_path, turns):
    """As they came, below ingested/."""
    record(tmp_path, turns[:3])
    assert raw_lines(tmp_path) == [f'{{"host":"box","n":{n}}}'.encode() for n in range(3)]


def test_a_recording_goes_on(tmp_path, turns):
    """Given the same folder, behind what is there."""
    record(tmp_path, turns[:3])
    record(tmp_path, turns[3:5], first=3)
    assert len(raw_lines(tmp_path)) == 5
    with EventStore.open(tmp_path, writable=False) as store:
        assert store.head().seq == 5


def test_raw_lines_without_a_batch_are_cut_off(tmp_path, turns):
    """Killed between the two: the sources hand them over again, and they are there once."""
    record(tmp_path, turns[:2])
    (path,) = (tmp_path / "ingested").glob("host/*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"host":"box","n":2}\n{"host":')
    record(tmp_path, turns[2:3], first=2)
    assert raw_lines(tmp_path) == [f'{{"host":"box","n":{n}}}'.encode() for n in range(3)]


def test_a_batch_that_is_not_stored_leaves_no_raw_lines(tmp_path, turns):
    """Whatever goes wrong, lines and batch go together."""
    with EventStore.open(tmp_path, writable=True) as store:
        recorder = Recorder(store)
        events, now = turns[0]
        chunk = RawChunk("host", b"{}\n", "box", "/proc")
        bad = replace(events, logs=events.logs.drop("message"))
        with pytest.raises(UsageError):
            recorder._record(Turn(bad, now, {}, [chunk]))
        assert raw_lines(tmp_path) == []
        recorder._record(Turn(events, now, {}, [chunk]))
        assert raw_lines(tmp_path) == [b"{}"]


def test_a_folder_of_other_records_is_refused(tmp_path, turns):
    """What was watched or collected there is not cut back to the size of a recording."""
    with EventStore.open(tmp_path, writable=True) as store:
        store.append(*turns[0], {})
        with pytest.raises(UsageError, match="holds records already"):
            Recorder(store)


class Short(RawTape):
    """A feed that was told to stop and has one turn left."""

    def __init__(self, turns: recorded.Turns, stop: asyncio.Event) -> None:
        super().__init__(turns[:2], 0)
        self._left = turns[2]
        self._stop = stop

    async def turns(self):
        async for turn in super().turns():
            yield turn
        self._stop.set()
        await asyncio.Event().wait()

    async def last(self):
        return Turn(*self._left, {}, [RawChunk("host", b'{"host":"box","n":9}\n', "box", "/proc")])


def test_what_was_read_after_the_last_turn_is_recorded(tmp_path, turns):
    """Told to stop, the readings since the last turn are one more."""
    with EventStore.open(tmp_path, writable=True) as store:
        stop = asyncio.Event()
        asyncio.run(Recorder(store).run(Short(turns, stop), stop))
        assert store.head().seq == 3
    assert raw_lines(tmp_path)[-1] == b'{"host":"box","n":9}'
