"""Many sources read at once: what is slow, hung or broken harms no other, and is told of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from boxwatch.clock import SystemClock
from boxwatch.events import RawChunk, normalise
from boxwatch.live.readers import Answer, Reader, Readers, Round
from boxwatch.pulse import REGISTRY
from boxwatch.sources import Position


class Speaker:
    """A source that says what its `script` holds: a line, an error to raise, or an event."""

    def __init__(self, name: str, *script: object) -> None:
        self.name = name
        self._script = list(script)
        self._said = 0

    async def read(self) -> Sequence[RawChunk]:
        word = self._script.pop(0) if self._script else ""
        if isinstance(word, Exception):
            raise word
        if isinstance(word, asyncio.Event):
            await word.wait()
            word = "at last"
        self._said += 1
        if isinstance(word, RawChunk):
            return [word]
        return [RawChunk("kernel", str(word).encode(), "box", self.name)] if word else []

    def position(self) -> Position:
        return {"said": self._said}

    async def close(self) -> None:
        if self._script == ["stuck"]:
            await asyncio.Event().wait()
        if self._script == ["breaks"]:
            raise OSError("it will not")


def readers(*speakers: Speaker, hung_s: float = 60.0) -> Readers:
    """Of these sources, each on a host of its own."""
    keyed = {f"{speaker.name}-host/{speaker.name}": speaker for speaker in speakers}
    return Readers(keyed, SystemClock(), hung_s)


def heard(read: Round) -> list[str]:
    """What was said, and what was told of sources as `host source state reason`."""
    words = []
    for chunk in read.chunks:
        if chunk.kind == "status":
            row = json.loads(chunk.lines)
            words.append(" ".join(row[name] for name in ("host", "source", "state", "reason")))
        else:
            words.append(chunk.lines.decode())
    return [word.strip() for word in words]


def rounds(count: int, *speakers: Speaker, hung_s: float = 60.0) -> list[Round]:
    """So many rounds, then the end."""

    async def read() -> list[Round]:
        reading = readers(*speakers, hung_s=hung_s)
        found = [await reading.round() for _ in range(count)]
        await reading.close()
        return found

    return asyncio.run(read())


def test_three_hundred_sources_are_heard_in_one_round():
    """Each once, in their order, with their positions."""
    (read,) = rounds(1, *(Speaker(f"s{n}", f"line {n}") for n in range(300)))
    assert heard(read) == [f"line {n}" for n in range(300)]
    assert len(read.positions) == 300


def test_a_source_that_fails_is_told_of_once_and_when_it_is_well():
    """On its host, under its name, with the reason; the counter counts every time."""
    before = REGISTRY.total("boxwatch_failures_total")
    error = ValueError("odd")
    found = rounds(4, Speaker("a", "one", error, error, "two"))
    assert heard(found[1]) == ["a-host a failing ValueError('odd')"]
    assert heard(found[2]) == []
    assert heard(found[3]) == ["a-host a ok", "two"]
    assert REGISTRY.total("boxwatch_failures_total") == before + 2


def test_another_reason_is_told_of_again():
    """A person who looks finds the last one."""
    found = rounds(2, Speaker("a", ValueError("odd"), ValueError("even")))
    assert "odd" in heard(found[0])[0]
    assert "even" in heard(found[1])[0]


def test_what_a_source_said_of_itself_is_true_again_after_its_trouble():
    """A journal that may not be read is not well because reading it raises no longer."""
    said = {"host": "a-host", "source": "a", "state": "denied", "reason": "no group"}
    status = RawChunk("status", json.dumps(said).encode(), "a-host", "a")
    found = rounds(3, Speaker("a", status, ValueError("odd"), "two"))
    assert heard(found[2]) == ["a-host a denied no group", "two"]


def test_the_trouble_of_a_source_is_a_reading_of_zero():
    """Normalised it is what any source says of itself: `up` of source:<name>."""
    (read,) = rounds(1, Speaker("a", ValueError("odd")))
    (sample,) = normalise(read.chunks[0]).samples.to_dicts()
    assert (sample["host"], sample["entity"], sample["metric"]) == ("a-host", "source:a", "up")
    assert sample["value"] == 0.0


def test_a_reading_that_does_not_come_back_is_told_of_once():
    """As hung; the others are heard, and when it comes, it is heard too."""

    async def story() -> list[list[str]]:
        answer = asyncio.Event()
        reading = readers(Speaker("a", answer), Speaker("b", *"1234"), hung_s=0.0)
        found = [heard(await reading.round()) for _ in range(2)]
        answer.set()
        await asyncio.sleep(0)
        found.append(heard(await reading.round()))
        await reading.close()
        return found

    first, second, third = asyncio.run(story())
    assert first == ["a-host a hung Its reading has not come back for 0 s.", "1"]
    assert second == ["2"]
    assert third == ["a-host a ok", "at last", "3"]


def test_a_hung_source_is_waited_for_once():
    """From then on a round waits for the prompt ones alone: two thousand take no second each."""

    async def story() -> int:
        reading = readers(Speaker("a", asyncio.Event()), Speaker("b"))
        for _ in range(2000):
            await reading.round()
        await reading.close()
        return 2000

    assert asyncio.run(asyncio.wait_for(story(), 300)) == 2000


def test_a_flood_comes_in_several_rounds():
    """More than one round holds waits for the next, which follows at once; nothing is lost."""
    flood = RawChunk("kernel", b"x" * (20 << 20), "box", "flood")
    found = rounds(2, *(Speaker(f"s{n}", flood) for n in range(3)))
    assert [len(read.chunks) for read in found] == [2, 1]
    assert [read.behind for read in found] == [True, True]
    assert {key for read in found for key in read.positions} == {
        f"s{n}-host/s{n}" for n in range(3)
    }


def test_how_much_is_much_depends_on_the_time_it_took_to_come():
    """What keeps pace over a whole turn is a flood when it comes within a moment."""
    piece = (RawChunk("kernel", b"x" * (1 << 20), "box", "flood"),)
    reader = Reader("a", Speaker("a"))
    answers = [Answer(reader, piece, None, seconds) for seconds in (0.2, 5.0)]
    assert [answer.much for answer in answers] == [True, False]


def test_a_source_that_will_not_be_closed_stops_no_other():
    """Neither one that raises nor one that hangs; both are counted."""
    before = REGISTRY.total("boxwatch_failures_total")
    rounds(0, Speaker("a", "breaks"), Speaker("b", "stuck"), Speaker("c"))
    assert REGISTRY.total("boxwatch_failures_total") == before + 2
