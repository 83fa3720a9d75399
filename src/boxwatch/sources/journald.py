"""The systemd journal, read with `journalctl` and resumed by cursor.

Traps this file answers, seen with systemd 252 (journalctl(1), systemd.journal-fields(7)):

- `--follow --after-cursor` shows only the last ten lines without `--no-tail`;
- `--follow` keeps to one boot without `--merge`;
- fields over 4096 bytes are null without `--all`;
- a cursor whose entry was vacuumed is accepted silently, and `--after-cursor` then skips the
  first entry that is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock, from_micros, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, chunks, first_line, stamp
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.source import Completed, Position, Shell

DENIED_HINT: Final = (
    "Add the user to the group systemd-journal (`sudo usermod -aG systemd-journal $USER`) "
    "and log in again."
)
ABSENT_HINT: Final = "This machine does not seem to run systemd-journald; nothing to read here."
LOCATE_S: Final = 30.0  # a cold journal of many gigabytes takes seconds to open


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How the journal is read.

    `follow` False reads what is there and ends; `since` is where to begin without a position
    (None: now). `arguments` go to every `journalctl`, such as `--directory=DIR`.
    """

    follow: bool = True
    since: datetime | None = None
    arguments: Sequence[str] = ()
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where to read on: after the entry of `cursor`, or from `realtime_us` where it is empty."""

    cursor: str
    realtime_us: int


class JournaldSource:
    """The journal of this machine, or of the one behind `shell`; implements `Source`.

    Raw kind `systemd`. Position: `{"cursor", "realtime_us"}`; every entry after it is handed over
    once. `done` is True when a source that does not follow has nothing more to hand over.
    """

    name = "journald"

    def __init__(
        self,
        shell: Shell,
        host: str,
        position: Position | None = None,
        options: JournalOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._shell = shell
        self._host = host
        self._options = JournalOptions() if options is None else options
        self._clock = SystemClock() if clock is None else clock
        self._handed = _read_position(position)
        self._received = self._handed
        self._outbox = Outbox()
        self._health = Health(self.name, host, self._clock)
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> list[RawChunk]:
        """Entries since the last call, as journalctl prints them."""
        if self._task is None:
            self._task = begin(self._work(), self.name)
        parcels = self._outbox.take()
        for parcel in parcels:
            if isinstance(parcel.mark, _Mark):
                self._handed = parcel.mark
        if not parcels and self._task.done():
            self._task.result()
        return chunks(parcels, self._host, "journalctl")

    @property
    def done(self) -> bool:
        """True when nothing more will come: never while following."""
        return self._task is not None and self._task.done() and not self._outbox.waiting

    def position(self) -> Position:
        """Cursor and time of the last entry handed over; {} before anything is known."""
        if self._handed is None:
            return {}
        return {"cursor": self._handed.cursor, "realtime_us": self._handed.realtime_us}

    async def close(self) -> None:
        """End journalctl."""
        if self._task is not None:
            await stop([self._task])

    async def probe(self) -> Capability:
        """Whether the journal can be read by this user, and has entries."""
        try:
            last = await self._journalctl("--lines=1")
        except SourceError as error:
            return Capability("journald", error.state, error.message, error.hint)
        if not last.stdout:
            return Capability("journald", "absent", "The journal is empty.", ABSENT_HINT)
        return Capability("journald", "ok", "The journal answers.")

    async def carries_kernel(self) -> bool:
        """True if kernel lines are in the journal, so /dev/kmsg need not be read."""
        try:
            found = await self._journalctl("--lines=1", "_TRANSPORT=kernel")
        except SourceError:
            return False
        return bool(found.stdout)

    async def _work(self) -> None:
        pauses = self._options.pauses
        while True:
            try:
                arguments = await self._locate()
                self._outbox.add(self._health.tell("ok"))
                if await self._take_all(arguments):
                    pauses.reset()
                if not self._options.follow:
                    return
                self._outbox.add(self._health.tell("failing", "journalctl ended by itself."))
            except SourceError as error:
                self._outbox.add(self._health.tell(error.state, error.message, error.hint))
                if not self._options.follow:
                    return
            await asyncio.sleep(pauses.next())

    async def _take_all(self, arguments: Sequence[str]) -> bool:
        """Hand over what journalctl prints until it ends; True if it printed anything."""
        came = False
        follow = ("--follow", "--no-tail") if self._options.follow else ()
        argv = (*self._command(), "--all", *follow, *arguments)
        stream = self._shell.stream(argv)
        try:
            async for output in stream:
                if output.error:
                    self._complain(output.data)
                    continue
                came = True
                self._received = _last_mark(output.data) or self._received
                await self._outbox.put(Parcel("systemd", output.data, self._received))
        finally:
            await stream.aclose()
        return came

    async def _locate(self) -> list[str]:
        """The arguments that make journalctl begin right after what was received."""
        mark = self._received
        if mark is None:
            return await self._begin()
        if not mark.cursor:
            return [_since(mark.realtime_us)]
        try:
            found = await self._journalctl(f"--cursor={mark.cursor}", "--lines=1")
        except SourceError as error:
            if error.state != "failing":
                raise
            self._gap(mark, f"its cursor is not accepted ({error.message})")
            return [_since(mark.realtime_us + 1)]
        first = _last_mark(found.stdout)
        if first is None:
            self._gap(mark, "the journal has no entry from then on")
            return [_since(mark.realtime_us + 1)]
        if _same_entry(first.cursor, mark.cursor):
            return [f"--after-cursor={mark.cursor}"]
        self._gap(mark, f"the next one left is of {stamp(from_micros(first.realtime_us))}")
        return [f"--cursor={first.cursor}"]

    async def _begin(self) -> list[str]:
        """Where to start without a position; fixes it, so that a restart does not skip."""
        since = self._options.since
        if since is not None:
            return [_since(to_micros(since))]
        mark = _last_mark((await self._journalctl("--lines=1")).stdout)
        if mark is None:
            mark = _Mark("", to_micros(self._clock.now()))
        self._received = mark
        self._outbox.add(Parcel("systemd", b"", mark))
        return [f"--after-cursor={mark.cursor}"] if mark.cursor else [_since(mark.realtime_us)]

    async def _journalctl(self, *arguments: str) -> Completed:
        """One short look into the journal.

        Raises:
            SourceError: journalctl is missing, refused, hung or failed.

        """
        argv = (*self._command(), "--output-fields=_BOOT_ID", *arguments)
        done = await self._shell.run(argv, limit_s=LOCATE_S)
        if done.status is None:
            raise SourceError(f"journalctl did not answer in {LOCATE_S:g} s.", state="hung")
        if b"insufficient permissions" in done.stderr:
            raise SourceError(first_line(done.stderr), hint=DENIED_HINT, state="denied")
        if done.status != 0 and b"No journal files" in done.stderr:
            raise SourceError("No journal files were found.", hint=ABSENT_HINT, state="absent")
        if done.status != 0:
            raise SourceError(first_line(done.stderr) or f"journalctl ended with {done.status}.")
        return done

    def _command(self) -> tuple[str, ...]:
        return ("journalctl", "--output=json", "--no-pager", "--merge", *self._options.arguments)

    def _complain(self, text: bytes) -> None:
        if b"not seeing messages from other users" in text or b"insufficient perm" in text:
            self._outbox.add(self._health.tell("denied", first_line(text), DENIED_HINT))

    def _gap(self, mark: _Mark, what: str) -> None:
        reason = f"Entries after {stamp(from_micros(mark.realtime_us))} may be lost: {what}."
        hint = "Give the journal more room: SystemMaxUse= in journald.conf."
        self._outbox.add(self._health.note("ok", f"gap: {reason}", hint))


def _since(micros: int) -> str:
    return f"--since=@{micros // 1_000_000}.{micros % 1_000_000:06d}"


def _read_position(position: Position | None) -> _Mark | None:
    if not position:
        return None
    cursor, realtime = position.get("cursor"), position.get("realtime_us")
    if not isinstance(cursor, str) or not isinstance(realtime, int):
        raise SourceError(
            f"{dict(position)!r} is not a position in a journal.",
            hint="It needs cursor (text) and realtime_us (a whole number).",
        )
    return _Mark(cursor, realtime)


def _last_mark(lines: bytes) -> _Mark | None:
    """Where the last readable entry of `lines` stands; None if there is none."""
    end = len(lines)
    while end > 0:
        start = lines.rfind(b"\n", 0, end - 1) + 1
        try:
            entry = orjson.loads(lines[start:end])
            return _Mark(entry["__CURSOR"], int(entry["__REALTIME_TIMESTAMP"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            end = start  # cut, or no entry at all
    return None


def _same_entry(one: str, other: str) -> bool:
    """True if two cursors mean one entry: the same boot, times and content.

    The sequence number is left out; the same entry has another one in another file.
    """
    ones, others = _cursor_parts(one), _cursor_parts(other)
    return all(ones.get(key) == others.get(key) for key in "bmtx")


def _cursor_parts(cursor: str) -> Mapping[str, str]:
    return dict(part.partition("=")[::2] for part in cursor.split(";"))
