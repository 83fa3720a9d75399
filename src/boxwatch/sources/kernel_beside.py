"""The kernel's log beside a journal that mostly carries it already: read once, not twice."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.source import Position, Source

_AGAIN_S: Final = 10.0


class Journal(Protocol):
    """A journal that can be asked what it holds."""

    async def probe(self) -> Capability:
        """Whether it can be read."""
        ...

    async def carries_kernel(self) -> bool:
        """True if the kernel's lines are in it."""
        ...


class KernelBeside:
    """`kernel`, unless `journal` carries its lines; implements `Source`.

    The journal is asked in the background, again and again while it cannot be reached; nothing is
    read before it has answered, and nothing is lost by that: the kernel keeps what it said.
    """

    name = "kernel"

    def __init__(self, journal: Journal, kernel: Source) -> None:
        self._journal = journal
        self._kernel = kernel
        self._carried: bool | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def done(self) -> bool:
        """True when it is known who reads the kernel's log."""
        return self._carried is not None

    async def read(self) -> list[RawChunk]:
        """What the kernel said, if it is read here."""
        if self._asking is None:
            self._asking = begin(self._ask(), self.name)
        if self._asking.done():
            self._asking.result()
        return list(await self._kernel.read()) if self._carried is False else []

    def position(self) -> Position:
        """Where the kernel's log is read on."""
        return self._kernel.position()

    async def close(self) -> None:
        """Stop asking and reading."""
        if self._asking is not None:
            await stop([self._asking])
        await self._kernel.close()

    async def probe(self) -> Capability:
        """Whether the kernel's log can be had, in one way or the other."""
        if (await self._journal.probe()).state == "ok" and await self._journal.carries_kernel():
            return Capability(self.name, "ok", "The journal carries it.")
        probed: Capability = await self._kernel.probe()  # type: ignore[attr-defined]
        return probed

    async def _ask(self) -> None:
        while (await self._journal.probe()).state in ("failing", "hung"):
            await asyncio.sleep(_AGAIN_S)
        self._carried = await self._journal.carries_kernel()
