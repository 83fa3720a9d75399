"""The line to another machine as a source: whether it stands, and how the other clock goes."""

from __future__ import annotations

import asyncio

import orjson

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.background import Background
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, Parcel, chunks, stamp
from boxwatch.sources.source import Position
from boxwatch.sources.ssh_guard import Beat
from boxwatch.sources.ssh_shell import SshShell

_BREATH_S = 0.05


class SshSource:
    """The line of `shell` to `host`; implements `Source`.

    A `status` of the source `ssh` says when the host can be reached and when not (failing: it does
    not answer; denied: its key or our login is refused; hung: it takes what we send and says
    nothing). Raw kind `host`: `clock_offset_seconds` of the entity `host` at each heartbeat, every
    twenty seconds. Keeps the connection up, and closes it with all that runs on it.
    """

    name = "ssh"

    def __init__(self, shell: SshShell, host: str, clock: Clock | None = None) -> None:
        self._shell = shell
        self._host = host
        self._clock = SystemClock() if clock is None else clock
        self._work_aside = Background(f"{host}/{self.name}", self._work)
        self._outbox = self._work_aside.outbox
        self._health = Health(self.name, host, self._clock)

    async def read(self) -> list[RawChunk]:
        """What was heard since the last call."""
        return chunks(self._work_aside.take(), self._host, "ssh")

    @property
    def done(self) -> bool:
        """True when it is known whether the host can be reached."""
        return bool(self._health.state)

    def position(self) -> Position:
        """{}: there is nothing to go on from."""
        return {}

    async def close(self) -> None:
        """Close the connection, and end what runs on the other machine."""
        await self._work_aside.stop()
        await self._shell.close()

    async def probe(self) -> Capability:
        """Whether we can log in, and what the line is like."""
        link = self._shell.link
        try:
            await link.connection()
        except SourceError as error:
            return Capability(self.name, error.state, error.message, error.hint)
        beat = link.beat
        if beat is None:
            return Capability(self.name, "failing", "The connection broke at once.")
        said = f"{link.login}, {beat.round_trip_s * 1000:.0f} ms there and back, "
        return Capability(self.name, "ok", f"{said}clock {beat.offset_s:+.3f} s against ours.")

    async def _work(self) -> None:
        link = self._shell.link
        while True:
            try:
                if link.connected:
                    self._heard(await link.news())
                else:
                    await link.connection()
                    self._heard(link.beat)
            except SourceError as error:
                self._outbox.add(self._health.tell(error.state, error.message, error.hint))
                if not link.connected:
                    await asyncio.sleep(link.wait_s + _BREATH_S)

    def _heard(self, beat: Beat | None) -> None:
        if beat is None:  # lost again before anyone could look
            return
        self._outbox.add(self._health.tell("ok"))
        row = {
            "host": self._host,
            "collected_at": stamp(self._clock.now()),
            "entity": "host",
            "clock_offset_seconds": round(beat.offset_s, 6),
        }
        self._outbox.add(Parcel("host", orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)))
