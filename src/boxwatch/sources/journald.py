"""The systemd journal, read with `journalctl` and resumed by cursor.

Traps this file answers, seen with systemd 252 (journalctl(1), systemd.journal-fields(7)):

- `--follow --after-cursor` shows only the last ten lines without `--no-tail`;
- `--follow` keeps to one boot without `--merge`;
- a cursor whose entry was vacuumed is accepted silently, and `--after-cursor` then skips the
  first entry that is left;
- `--output-fields` costs more than the fields it leaves out: 9 us an entry for 24 of them, where
  an entry with all of its fields costs 4;
- a damaged file is left out, from the damage on or as a whole, and the exit status is 0.

One it does not answer: of a file that appears while following (brought over from another machine,
say), journalctl shows only the entries that are later than the last one it has shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from boxwatch.clock import Clock, SystemClock, from_micros, to_micros
from boxwatch.errors import SourceError
from boxwatch.events.journald import FIELDS
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.journald_boots import Boots
from boxwatch.sources.journald_export import ExportEntries
from boxwatch.sources.journald_looks import ABSENT_HINT, DENIED_HINT, OTHERS, JournalLooks
from boxwatch.sources.journald_marks import (
    Mark,
    from_position,
    last_entry,
    to_position,
)
from boxwatch.sources.journald_parts import gathered, until_open
from boxwatch.sources.journald_places import place_after, since
from boxwatch.sources.journald_rows import JournalRows
from boxwatch.sources.journald_sequence import EntryCount
from boxwatch.sources.journald_silence import watched
from boxwatch.sources.journald_units import unit_matches
from boxwatch.sources.notices import Gap, gap_notice, restart_notice
from boxwatch.sources.outbox import Health, Outbox, Parcel, Pauses, chunks, first_line
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.source import Position, Shell

DAMAGED_HINT: Final = "`journalctl --verify` tells which files are damaged; move them away."
_AFTER: Final = "--after-cursor="
_LOSSES: Final = 3  # so often it is tried to find what is missing by reading again
ROOM_HINT: Final = "Give the journal more room: SystemMaxUse= in journald.conf."
_FLOOD: Final = 16 << 10  # bytes at once: journalctl has more to say
_BREATH_S: Final = 0.004  # for that: each piece has a price, and few large ones cost less


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How the journal is read.

    `follow` False reads what is there and ends; `since` is where to begin without a position
    (None: now). `units` are those to read, with what the kernel and systemd say of them; empty is
    everything. `arguments` go to every `journalctl`, such as `--directory=DIR`. After `quiet_s`
    without an entry it is looked whether there is one all the same; a journalctl that does not
    show it for as long again is started anew.
    """

    follow: bool = True
    since: datetime | None = None
    arguments: Sequence[str] = ()
    units: Sequence[str] = ()
    pauses: Pauses = field(default_factory=Pauses)
    quiet_s: float = 60.0


class JournaldSource:
    """The journal of this machine, or of the one behind `shell`; implements `Source`.

    Raw kind `systemd`, and `notice` for gaps and restarts of the system. Position: `{"cursor",
    "realtime_us", "boots"}`; every entry after it is handed over once, and every restart is told
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
        self._handed = from_position(position)
        self._received = self._handed
        self._boots = Boots(() if self._handed is None else self._handed.boots)
        self._looks = JournalLooks(shell, self._options.arguments)
        self._matches = unit_matches(self._options.units)
        self._outbox = Outbox()
        self._kept: list[Parcel] = []  # from the first line on whose end is to come
        self._missed = ""  # the cursor after which entries were missing
        self._losses = 0
        self._ignored: set[bytes] = set()  # what was said of damaged files
        self._health = Health(self.name, host, self._clock)
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> list[RawChunk]:
        """Entries since the last call, with the fields that Boxwatch reads.

        Lines of containers that are not whole wait for the next call, but for no other one.
        """
        if self._task is None:
            self._task = begin(self._work(), self.name)
        fresh = self._outbox.take()
        parcels = [*self._kept, *fresh]
        self._kept = []
        if fresh:
            parcels, self._kept = until_open(parcels)
        for parcel in parcels:
            if isinstance(parcel.mark, Mark):
                self._handed = parcel.mark
        if not parcels and self._task.done():
            self._task.result()
        return chunks(list(gathered(parcels)), self._host, "journalctl")

    @property
    def done(self) -> bool:
        """True when nothing more will come: never while following."""
        waiting = self._outbox.waiting or bool(self._kept)
        return self._task is not None and self._task.done() and not waiting

    def position(self) -> Position:
        """Where the last entry handed over stands; {} before anything is known."""
        return {} if self._handed is None else to_position(self._handed)

    async def close(self) -> None:
        """End journalctl."""
        if self._task is not None:
            await stop([self._task])

    async def probe(self) -> Capability:
        """Whether the journal can be read by this user, and has entries."""
        try:
            last = await self._looks.last()
        except SourceError as error:
            return Capability("journald", error.state, error.message, error.hint)
        if not last:
            return Capability("journald", "absent", "The journal is empty.", ABSENT_HINT)
        return Capability("journald", "ok", "The journal answers.")

    async def carries_kernel(self) -> bool:
        """True if kernel lines are in the journal, so /dev/kmsg need not be read."""
        try:
            return bool(await self._looks.last("_TRANSPORT=kernel"))
        except SourceError:
            return False

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
        """Hand over what journalctl prints until it ends; True if it printed any entry."""
        began = self._received
        follow = ("--follow", "--no-tail") if self._options.follow else ()
        command = ("journalctl", "--output=export", "--no-pager", "--merge")
        command = (*command, *self._options.arguments, *follow)
        stood = began
        while await self._take((*command, *arguments, *self._matches), arguments):
            if self._received is not None and self._received != stood:
                arguments = [_AFTER + self._received.cursor]
            stood = self._received
        return self._received != began

    async def _take(self, command: Sequence[str], arguments: Sequence[str]) -> bool:
        """Hand over what one journalctl prints; True if another has to go on where it stands."""
        exact = self._received is not None and arguments[0].startswith(_AFTER)
        count = EntryCount(self._received.cursor if self._received and exact else "")
        entries = ExportEntries(self._host, FIELDS)
        began = self._received
        stream = self._shell.stream(command)
        outputs = watched(stream, self._options.quiet_s, self._behind)
        async with aclosing(stream), aclosing(outputs):
            async for output in outputs:
                if output.error:
                    self._complain(output.data)
                elif rows := entries.feed(output.data):
                    if not self._complete(rows, count.lost(rows)):
                        return True
                    await self._receive(rows)
                    if len(rows) >= _FLOOD:
                        await asyncio.sleep(_BREATH_S)
                if entries.broken:
                    return self._received != began
        return False

    def _complete(self, rows: JournalRows, lost: int) -> bool:
        """Whether to take `rows`, before whose last `lost` entries are missing.

        They are read once more: of entries that come to several files at the same time,
        journalctl may show a later one first, and then never the earlier one.
        """
        last = rows.last()
        if not lost or last is None or self._matches or self._looks.partial:
            return True  # where not every entry can be seen, the numbers tell nothing
        mark = self._received
        if mark is not None and self._missed != mark.cursor and self._losses < _LOSSES:
            self._missed = mark.cursor
            return False
        self._losses += 1
        since_us = last[1] if mark is None else mark.realtime_us
        times = from_micros(since_us), from_micros(last[1])
        gap = Gap(*times, lost, "journalctl left them out")
        self._outbox.add(gap_notice(self._host, "systemd", gap, DAMAGED_HINT))
        return True

    async def _behind(self) -> bool:
        """Whether the last entry there is has not been received."""
        last = last_entry(await self._looks.last(*self._matches))
        if last is None or self._received is None:
            return last is not None
        return last[1] > self._received.realtime_us

    async def _receive(self, rows: JournalRows) -> None:
        """Put `rows` into the outbox, with a notice where a new boot begins."""
        for piece, restart in self._boots.divide(rows):
            if restart is not None:
                told = replace(restart, shut_down=await self._looks.shut_down(restart.previous))
                self._outbox.add(restart_notice(self._host, "systemd", told))
            last = piece.last()
            if last is not None:
                self._received = Mark(*last, self._boots.known)
            await self._outbox.put(Parcel("systemd", piece, self._received))

    async def _locate(self) -> Sequence[str]:
        """The arguments that make journalctl begin right after what was received."""
        if self._received is None:
            return await self._begin()
        place = await place_after(self._looks, self._received, self._clock.now())
        if place.gap is not None:
            # Where units are chosen, those of others are counted too.
            gap = replace(place.gap, entries=None) if self._matches else place.gap
            self._outbox.add(gap_notice(self._host, "systemd", gap, ROOM_HINT))
        return place.arguments

    async def _begin(self) -> Sequence[str]:
        """Where to start without a position; fixes it, so that a restart does not skip."""
        rows = await self._looks.last()
        if not rows and not self._options.follow:
            raise SourceError("The journal is empty.", hint=ABSENT_HINT, state="absent")
        if self._options.since is not None:
            return [since(to_micros(self._options.since))]
        for _ in self._boots.split(rows):
            pass  # what came before is not told
        last = last_entry(rows) or ("", to_micros(self._clock.now()))
        self._received = Mark(*last, self._boots.known)
        self._outbox.add(Parcel("systemd", b"", self._received))
        return [f"--after-cursor={last[0]}"] if last[0] else [since(last[1])]

    def _complain(self, text: bytes) -> None:
        if OTHERS in text or b"insufficient perm" in text:
            self._looks.partial = True
            self._outbox.add(self._health.tell("denied", first_line(text), DENIED_HINT))
        for line in text.splitlines():
            if b"ignoring file" in line and line not in self._ignored:
                self._ignored.add(line)
                now = self._clock.now()
                gap = Gap(now, now, None, first_line(line).rstrip("."))
                self._outbox.add(gap_notice(self._host, "systemd", gap, DAMAGED_HINT))
