"""Turns from sources, of which any may hang or break, and from a recording."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.live.test_steps import START, events

from boxwatch.clock import SystemClock
from boxwatch.events import RawChunk, normalise
from boxwatch.live import Feed, LiveFeed, ReplayFeed, Turn
from boxwatch.sources import Position, Source
from boxwatch.store import EventStore


class Counter:
    """A source of numbered lines; `waits` for its first line, or `breaks` on its second read."""

    def __init__(self, name: str, *, waits: bool = False, breaks: bool = False) -> None:
        self.name = name
        self.closed = False
        self.answer = asyncio.Event()
        self._waits, self._breaks = waits, breaks
        self._count = 0
        self._reads = 0

    async def read(self) -> Sequence[RawChunk]:
        self._reads += 1
        if self._waits:
            await self.answer.wait()
        if self._breaks and self._reads == 2:
            raise RuntimeError("a mistake in this source")
        self._count += 1
        row = {"host": "box", "timestamp": "2026-05-06T09:00:00Z", "priority": 6}
        line = json.dumps(row | {"message": f"{self.name} {self._count}", "sequence": self._count})
        return [RawChunk("kernel", line.encode() + b"\n", "box", self.name)]

    def position(self) -> Position:
        return {"count": self._count}

    async def close(self) -> None:
        self.closed = True


def live(*sources: Source, positions=None) -> LiveFeed:
    """A feed of these sources, twenty turns a second."""
    named = {source.name: source for source in sources}
    return LiveFeed(named, normalise, SystemClock(), 0.05, {} if positions is None else positions)


async def some(feed: Feed, count: int) -> list[Turn]:
    """The next turns of `feed`, which is closed then."""
    turns = []
    async for turn in feed.turns():
        turns.append(turn)
        if len(turns) == count:
            break
    await feed.close()
    return turns


def said(turns: Sequence[Turn]) -> list[str]:
    """What the lines of these turns say."""
    return [text for turn in turns for text in turn.events.logs["message"].to_list()]


def test_every_source_is_heard_each_turn():
    """Their lines, and where they stand after them."""
    first, second = asyncio.run(some(live(Counter("a"), Counter("b")), 2))
    assert said([first]) == ["a 1", "b 1"]
    assert said([second]) == ["a 2", "b 2"]
    assert second.positions == {"a": {"count": 2}, "b": {"count": 2}}
    assert second.now > first.now


def test_a_hung_source_delays_no_other_and_stays_where_it_was():
    """The others' lines come; its position is that of the last turn it was heard in."""
    hung = Counter("hung", waits=True)
    turns = asyncio.run(some(live(hung, Counter("b"), positions={"hung": {"count": 7}}), 2))
    assert said(turns) == ["b 1", "b 2"]
    assert turns[-1].positions == {"hung": {"count": 7}, "b": {"count": 2}}
    assert hung.closed


def test_what_a_slow_source_was_asked_for_comes_later():
    """Nothing is lost and nothing is asked for twice."""

    async def story() -> list[Turn]:
        slow = Counter("slow", waits=True)
        feed = live(slow, Counter("b"))
        turns = []
        async for turn in feed.turns():
            turns.append(turn)
            slow.answer.set()
            if len(turns) == 3:
                break
        await feed.close()
        return turns

    turns = asyncio.run(story())
    assert said(turns[:1]) == ["b 1"]
    assert said(turns[1:]) == ["slow 1", "b 2", "slow 2", "b 3"]


def test_a_source_with_a_mistake_stops_no_other():
    """It is told of, keeps its position for that turn, and is asked again in the next."""
    turns = asyncio.run(some(live(Counter("bad", breaks=True), Counter("b")), 3))
    lines = [text for text in said(turns) if "is failing" not in text]
    assert lines == ["bad 1", "b 1", "b 2", "bad 2", "b 3"]
    assert [turn.positions["bad"] for turn in turns] == [{"count": 1}, {"count": 1}, {"count": 2}]


def test_without_sources_there_are_empty_turns():
    """Everything switched off is an odd wish, and no mistake."""
    (turn,) = asyncio.run(some(live(), 1))
    assert turn.events.rows == 0


@pytest.fixture
def tape(tmp_path):
    """A recording of five turns, one line each."""
    with EventStore.open(tmp_path, writable=True) as store:
        for number in range(5):
            store.append(events([float(number)]), START + timedelta(seconds=number), {})
        yield store


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_recording_goes_on_after_its_position(tape, after):
    """The batches that were not given yet, as they were stored, then the end."""

    async def rest() -> list[Turn]:
        return [turn async for turn in ReplayFeed(tape, {"replay": {"seq": after}}).turns()]

    turns = asyncio.run(rest())
    assert [turn.positions["replay"]["seq"] for turn in turns] == list(range(after + 1, 6))
    assert [turn.now for turn in turns] == [START + timedelta(seconds=n) for n in range(after, 5)]
    assert all(turn.events.logs.height == 1 for turn in turns)


def test_a_recording_can_be_played_at_a_pace(tape):
    """Four seconds of it at forty a second: the same turns."""

    async def whole() -> list[Turn]:
        return [turn async for turn in ReplayFeed(tape, {}, pace=40.0).turns()]

    assert len(asyncio.run(whole())) == 5


class Readings:
    """A source of numbered readings, one each time it is asked."""

    name = "readings"

    def __init__(self) -> None:
        self.count = 0

    async def read(self) -> Sequence[RawChunk]:
        self.count += 1
        row = {"host": "box", "collected_at": f"2026-05-06T09:00:{self.count % 60:02}Z"}
        line = json.dumps(row | {"entity": "host", "load1": self.count}).encode() + b"\n"
        return [RawChunk("host", line, "box", self.name)]

    def position(self) -> Position:
        return {"count": self.count}

    async def close(self) -> None:
        pass


def test_readings_wait_for_the_grid_and_none_is_lost() -> None:
    """Several rounds make one turn; its position is that of its last reading.

    A machine that was held up long reads only once before the next turn: turns are taken until
    one has several.
    """
    source = Readings()
    feed = LiveFeed({"readings": source}, normalise, SystemClock(), 3.0, {})

    async def until_several() -> list[Turn]:
        turns: list[Turn] = []
        async for turn in feed.turns():
            turns.append(turn)
            if turn.events.samples.height >= 2 or len(turns) == 20:
                break
        await feed.close()
        return turns

    turns = asyncio.run(until_several())
    values = [value for turn in turns for value in turn.events.samples["value"]]
    assert values == list(range(1, len(values) + 1))
    assert turns[-1].events.samples.height >= 2
    assert turns[-1].positions["readings"] == {"count": len(values)}


def test_lines_do_not_wait_for_the_grid() -> None:
    """With turns an hour apart, lines come at once, and bring along what was read before."""
    source, lines = Readings(), Counter("lines")
    feed = LiveFeed({"a": source, "b": lines}, normalise, SystemClock(), 3600.0, {})
    turns = asyncio.run(some(feed, 2))
    assert all(turn.events.logs.height == 1 for turn in turns)
    assert [turn.events.samples["value"].to_list() for turn in turns] == [[1.0], [2.0]]


def test_what_was_read_after_the_last_turn_is_one_more():
    """A reading of the past cannot be had again: what waits for the next turn is not let go."""

    async def work() -> tuple[list[Turn], int]:
        source = Readings()
        feed = LiveFeed({"host": source}, normalise, SystemClock(), 3600.0, {})
        turns = aiter(feed.turns())
        first = await anext(turns)
        coming = asyncio.ensure_future(anext(turns))
        async with asyncio.timeout(60):
            while source.count < len(first.raw) + 2:
                await asyncio.sleep(0.01)
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        last = await feed.last()
        await feed.close()
        return [first, last], source.count

    told, count = asyncio.run(work())
    first, last = (turn.events.samples["value"].to_list() for turn in told)
    assert (first[0], first + last) == (1, list(range(1, count + 1)))
    assert told[1].positions == {"host": {"count": count}}
    assert len(told[1].raw) == len(last) > 0
