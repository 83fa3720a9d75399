"""Reading many sources at once, of which any may be slow, hung or broken.

Every source is read by a task of its own, and is not asked again before it has answered. A round
waits for the sources that answer promptly; one that did not is heard when it comes, and waited for
again once it has shown that it is prompt. What fails or hangs is told by a `status` record, as a
source tells it of itself, so that it becomes a finding.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from boxwatch import pulse
from boxwatch.clock import Clock, monotonic
from boxwatch.events import RawChunk
from boxwatch.sources import Source

_PATIENCE_S: Final = 0.75  # how long a round waits for sources that have been prompt so far
_HUNG_S: Final = 30.0  # a reading that has not come back for so long is told of
_CLOSING_S: Final = 5.0  # sources promise two seconds
_MOST: Final = 32 << 20  # bytes of one round; what is beyond comes in the next
# Bytes a second of one source that say that there is more where they came from: more than it can
# hand over at the usual pace, with room for 16 MiB (sources.outbox) and turns every five seconds.
_MUCH_S: Final = 2 << 20
_SHORTEST_S: Final = 0.1  # what comes within so little time says nothing about a pace

Position = Mapping[str, object]
Reading = tuple[Sequence[RawChunk], Position]


@dataclass(slots=True)
class Reader:
    """One source, and how reading it goes."""

    key: str
    source: Source
    task: asyncio.Task[Reading] | None = None
    asked: float = 0.0
    heard: float = field(default_factory=monotonic)  # when it last gave something
    took: float = 0.0  # seconds that its last answer took
    prompt: bool = True
    told: str = ""  # the trouble that was told of it last, as state and reason
    own: Mapping[str, str] = field(default_factory=dict)  # what it last said of itself

    @property
    def host(self) -> str:
        """The host that the source reads: named in its key, or this machine."""
        return self.key.rpartition("/")[0] or socket.gethostname()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source was read to say; `position` is None where that is not its own word."""

    reader: Reader
    chunks: Sequence[RawChunk]
    position: Position | None
    gathered_s: float = 0.0  # for how long what it brought was gathered

    @property
    def much(self) -> bool:
        """Whether it brought more than it could have, had it kept pace."""
        return self.size > _MUCH_S * max(_SHORTEST_S, self.gathered_s)

    @property
    def size(self) -> int:
        """Bytes of all chunks."""
        return sum(chunk.size for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of reading brought, in the order of the sources.

    `positions` are those of the sources that were heard. `behind`: there is more to be had at once.
    """

    chunks: Sequence[RawChunk]
    positions: Mapping[str, Position]
    behind: bool


class Readers:
    """Reads `sources`, by position key, in rounds."""

    def __init__(
        self, sources: Mapping[str, Source], clock: Clock, hung_s: float = _HUNG_S
    ) -> None:
        self._readers = {key: Reader(key, source) for key, source in sources.items()}
        self._clock = clock
        self._hung_s = hung_s
        self._held: deque[Answer] = deque()  # read already, for the next round

    async def round(self) -> Round:
        """Ask every source that is not being read, and take what has come."""
        await self._ask()
        for reader in self._readers.values():
            answer = self._answer(reader)
            if answer is not None:
                self._held.append(answer)
        chunks: list[RawChunk] = []
        positions: dict[str, Position] = {}
        size, much = 0, False
        while self._held and size < _MOST:
            answer = self._held.popleft()
            chunks += answer.chunks
            size, much = size + answer.size, much or answer.much
            if answer.position is not None:
                positions[answer.reader.key] = answer.position
        return Round(chunks, positions, behind=much or bool(self._held))

    async def close(self) -> None:
        """Stop reading and close every source; one that will not be closed stops no other."""
        tasks = [reader.task for reader in self._readers.values() if reader.task is not None]
        for task in tasks:
            task.cancel()
        closing = {
            asyncio.ensure_future(reader.source.close()): reader
            for reader in self._readers.values()
        }
        if tasks or closing:
            await asyncio.wait([*tasks, *closing], timeout=_CLOSING_S)
        for task in tasks:
            _take_error(task)
        for ended, reader in closing.items():
            error = _take_error(ended) if ended.done() else TimeoutError("it does not close")
            if error is not None:
                pulse.emit(pulse.PartFailed(part=f"source {reader.key}", error=repr(error)))

    async def _ask(self) -> None:
        held = {answer.reader.key for answer in self._held}
        for reader in self._readers.values():
            if reader.task is None and reader.key not in held:
                reader.asked = monotonic()
                reader.task = asyncio.create_task(_read(reader), name=f"read:{reader.key}")
        await asyncio.sleep(0)  # those who have it at hand answer now
        expected = [reader for reader in self._readers.values() if reader.prompt]
        waiting = [reader.task for reader in expected if reader.task is not None]
        if waiting and not held:
            await asyncio.wait(waiting, timeout=_PATIENCE_S)
        for reader in expected:
            reader.prompt = reader.task is None or reader.task.done()

    def _answer(self, reader: Reader) -> Answer | None:
        """What `reader` has read, or what is to be told of it; None: nothing."""
        task = reader.task
        if task is None:
            return None
        if not task.done():
            if monotonic() - reader.asked < self._hung_s:
                return None
            why = f"Its reading has not come back for {self._hung_s:g} s."
            return self._trouble(reader, "hung", why)
        reader.task = None
        reader.prompt = reader.prompt or reader.took < _PATIENCE_S
        try:
            read, position = task.result()
        except Exception as error:  # noqa: BLE001 - one source must not take the others along
            pulse.emit(pulse.PartFailed(part=f"source {reader.key}", error=repr(error)))
            return self._trouble(reader, "failing", repr(error)[:300])
        over = list(self._over(reader))
        _listen(reader, read)
        gathered_s, reader.heard = monotonic() - reader.heard, monotonic()
        return Answer(reader, [*over, *read], position, gathered_s)

    def _trouble(self, reader: Reader, state: str, reason: str) -> Answer | None:
        if reader.told == f"{state} {reason}":
            return None
        reader.told = f"{state} {reason}"
        hint = "The others are read on; this one is tried again every turn."
        said = self._status(reader, {"state": state, "reason": reason, "hint": hint})
        return Answer(reader, [said], None)

    def _over(self, reader: Reader) -> Iterator[RawChunk]:
        """That the trouble is over: what the source had said of itself before it is true again."""
        if reader.told:
            reader.told = ""
            yield self._status(reader, {"state": "ok", "reason": "", "hint": "", **reader.own})

    def _status(self, reader: Reader, said: Mapping[str, str]) -> RawChunk:
        at = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        record = {"host": reader.host, "collected_at": at, "source": reader.source.name, **said}
        lines = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        return RawChunk("status", lines, reader.host, f"boxwatch {reader.key}")


async def _read(reader: Reader) -> Reading:
    try:
        return await reader.source.read(), reader.source.position()
    finally:
        reader.took = monotonic() - reader.asked


def _listen(reader: Reader, read: Sequence[RawChunk]) -> None:
    """Remember what the source says of itself."""
    for chunk in read:
        if chunk.kind != "status":
            continue
        for line in chunk.lines.splitlines():
            said = _object(line)
            if said.get("source") == reader.source.name:
                told = {name: str(said.get(name) or "") for name in ("state", "reason", "hint")}
                reader.own = told


def _object(line: bytes) -> Mapping[str, object]:
    """`line` as a JSON object; an empty one where it is none: it goes to quarantine elsewhere."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _take_error(task: asyncio.Future[Any]) -> BaseException | None:
    """The error `task` ended with, if it did; one that is never asked for is printed by asyncio."""
    return None if not task.done() or task.cancelled() else task.exception()
