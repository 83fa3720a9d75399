"""Plain log files of another machine, read by one small reader that stays there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import orjson

from boxwatch.clock import Clock, SystemClock, from_micros, monotonic
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.background import Background
from boxwatch.sources.capability import Capability
from boxwatch.sources.files import FilesOptions
from boxwatch.sources.files_script import commands
from boxwatch.sources.joined_lines import JoinedLines, Record
from boxwatch.sources.notices import Gap, gap_notice
from boxwatch.sources.outbox import Health, Parcel, Pauses, chunks, first_line, stamp
from boxwatch.sources.patience import patient
from boxwatch.sources.remote_log import Listed, RemoteLog, logs_of
from boxwatch.sources.source import Position, Shell

_EVERY_S: Final = 1.0
_FIRST_S: Final = 20.0
_HINT: Final = "Files of another machine need perl or python3 there."
_DENIED_HINT: Final = "`ls -l FILE` shows the group to join there, mostly adm."


class RemoteFiles:
    """Log files of the host behind `shell`; implements `Source`.

    Raw kind `file`, as of `FilesSource`. Position: `{path: place}`, see `RemoteLog.position`.
    Followed through renaming, here or while nobody read, nothing lost and nothing twice; while the
    line stands also through packing and deleting. Not, and said as a gap where it happens: parts
    that were packed or deleted while the line was down, what was emptied (copytruncate) before it
    was read. Patterns are those of `glob` without `**`.
    """

    name = "files"

    def __init__(
        self,
        shell: Shell,
        host: str,
        options: FilesOptions,
        position: Position | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self._shell = shell
        self._host = host
        self._options = options
        self._clock: Clock = SystemClock()
        self._pauses = Pauses() if pauses is None else pauses
        self._programs = list(commands().values())
        self._logs = _logs_at(position, options.hold_s)
        self._handed: Position = dict(position) if position else {}
        self._first = not self._logs
        self._work_aside = Background(f"{host}/{self.name}", self._work)
        self._outbox = self._work_aside.outbox
        self._health = Health(self.name, host, self._clock)
        self._refused = ""

    async def read(self) -> list[RawChunk]:
        """Records since the last call."""
        parcels = self._work_aside.take()
        for parcel in parcels:
            if isinstance(parcel.mark, dict):
                self._handed = parcel.mark
        return chunks(parcels, self._host, ", ".join(self._options.patterns))

    def position(self) -> Position:
        """The place in every file, after the last record handed over."""
        return dict(self._handed)

    async def close(self) -> None:
        """End the reader."""
        await self._work_aside.stop()

    async def probe(self) -> Capability:
        """Whether a reader can run there."""
        said = ""
        for program in self._programs:
            try:
                await self._shell.run([program[0], "-c", "1"], limit_s=_FIRST_S)
            except SourceError as error:
                if error.state != "absent":
                    return Capability(self.name, error.state, error.message, error.hint)
                said = error.message
            else:
                return Capability(self.name, "ok", f"They are read with {program[0]}.")
        return Capability(self.name, "absent", said, _HINT)

    async def _work(self) -> None:
        while True:
            try:
                await self._follow()
            except SourceError as error:
                hint = _HINT if error.state == "absent" else error.hint
                self._outbox.add(self._health.tell(error.state, error.message, hint))
            await asyncio.sleep(self._pauses.next())

    async def _follow(self) -> None:
        """Ask in the first language that is there, until the reader ends.

        Raises:
            SourceError: it ended, or there is no language.

        """
        for log in self._logs.values():
            log.check = bool(log.tail)
        for number, program in enumerate(self._programs):
            try:
                await self._ask(program)
            except SourceError as error:
                if error.state != "absent" or number + 1 == len(self._programs):
                    raise

    async def _ask(self, program: Sequence[str]) -> None:
        token = f"@{secrets.token_hex(8)}"
        questions: asyncio.Queue[bytes] = asyncio.Queue()
        questions.put_nowait(f"{token}\n0 {self._question()}\n".encode())
        stream = patient(self._shell.stream(program, _feed(questions)), _FIRST_S, _FIRST_S)
        number, answer, said = 0, list[list[str]](), b""
        async with contextlib.aclosing(stream):
            async for output in stream:
                for line in output.data.split(b"\n"):
                    words = line.decode("utf-8", "replace").split()
                    if output.error or words[:1] != [token]:
                        said = line.strip() or said
                    elif words[1:] == [">", str(number)]:
                        more = await self._answered(answer)
                        number, answer = number + 1, []
                        await asyncio.sleep(0 if more else _EVERY_S)
                        questions.put_nowait(f"{number} {self._question()}\n".encode())
                    else:
                        answer.append(words[1:])
        raise SourceError(f"The reader of files ended: {first_line(said) or 'it said nothing'}")

    def _question(self) -> str:
        patterns = [f"g:{os.fsencode(pattern).hex()}" for pattern in self._options.patterns]
        return " ".join([*patterns, *(log.question for log in self._logs.values())])

    async def _answered(self, answer: Sequence[Sequence[str]]) -> bool:
        """Take in one answer; True if there is more to be had at once."""
        self._pauses.reset()
        now = monotonic()
        listed: dict[str, Listed] = {}
        records: dict[str, list[tuple[int, Record]]] = {}
        refused = ""
        for kind, code, *rest in answer:
            path = os.fsdecode(bytes.fromhex(code))
            log = self._logs.get(path)
            if kind == "s":
                listed[path] = Listed(*map(int, rest))
            elif log is None or int(rest[0]) != log.inode:
                continue
            elif kind == "d":
                data = bytes.fromhex(rest[1]) if len(rest) > 1 else b""
                inode = log.inode
                records[path] = [(inode, one) for one in log.take(data, now)]
            elif kind == "t":
                log.begin_anew("was emptied")
            elif rest[1:] == ["it", "is", "gone"]:
                log.lose()
            else:
                refused = f"{path} cannot be read: {' '.join(rest[1:])}."
        self._turn_over(listed, records, now)
        self._tell(refused)
        await self._hand_over(records)
        return any(log.more for log in self._logs.values())

    def _turn_over(
        self,
        listed: Mapping[str, Listed],
        records: dict[str, list[tuple[int, Record]]],
        now: float,
    ) -> None:
        """Go on where a log was rotated; take up logs that are new, drop those that are gone."""
        for path, log in list(self._logs.items()):
            if log.over(listed, now, self._options.linger_s):
                records.setdefault(path, []).extend((log.inode, one) for one in log.rest())
                if not log.go_on(listed):
                    self._tell_losses(self._logs.pop(path))
        at_end = self._first and not self._options.from_start
        for path in logs_of(listed, self._logs):
            if path not in self._logs:
                size = listed[path].size if at_end else 0
                self._logs[path] = RemoteLog(
                    path,
                    listed[path].inode,
                    offset=max(0, size - 1),
                    mtime=listed[path].mtime,
                    skip=size > 0,
                    joined=JoinedLines(self._options.hold_s),
                )
        self._first = False

    def _tell(self, refused: str) -> None:
        if refused and refused != self._refused:
            self._health.state = "denied"
            self._outbox.add(self._health.note("denied", refused, _DENIED_HINT))
        elif not refused:
            self._outbox.add(self._health.tell("ok"))
        self._refused = refused

    def _tell_losses(self, log: RemoteLog) -> None:
        losses, log.losses = log.losses, []
        now = self._clock.now()
        since = min(now, from_micros(log.mtime * 1_000_000))
        for loss in losses:
            self._outbox.add(gap_notice(self._host, "file", Gap(since, now, None, loss)))

    async def _hand_over(self, records: Mapping[str, Sequence[tuple[int, Record]]]) -> None:
        """Put out what came, with the position after it."""
        now = self._clock.now()
        for log in self._logs.values():
            self._tell_losses(log)
        same = {"host": self._host, "read_at": stamp(now)}
        rows = [
            {
                **same,
                "path": path,
                "inode": inode,
                "offset": record.offset,
                "message": record.text.decode("utf-8", "backslashreplace"),
            }
            for path, read in records.items()
            for inode, record in read
        ]
        lines = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        mark = {path: log.position() for path, log in self._logs.items()}
        await self._outbox.put(Parcel("file", lines, mark))


async def _feed(questions: asyncio.Queue[bytes]) -> AsyncGenerator[bytes, None]:
    while True:
        yield await questions.get()


def _logs_at(position: Position | None, hold_s: float) -> dict[str, RemoteLog]:
    logs = {}
    found: Mapping[str, Any] = {} if position is None else position
    for path, place in found.items():
        if path == "told":  # what was said where such files were not read yet
            continue
        try:
            logs[path] = RemoteLog.at(path, place, hold_s)
        except ValueError as error:
            raise SourceError(f"{path!r}: {error}.", hint="Its position is damaged.") from error
    return logs
