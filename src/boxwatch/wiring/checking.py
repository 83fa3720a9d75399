"""`check`: what this machine offers to Boxwatch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from boxwatch.clock import SystemClock
from boxwatch.settings import Settings
from boxwatch.sources import Capability, LocalShell, Source
from boxwatch.sources.check import Probed, Surroundings, check_machine
from boxwatch.wiring.reading import sources

_PROBE_S: Final = 30.0  # another machine may take its time to let us in
_MADE: Final = datetime(2026, 11, 1, tzinfo=UTC)  # no true clock shows an earlier time than this


def check(settings: Settings, data: Path) -> list[Capability]:
    """A line for each source that is switched on, on every host, the clock, and the data folder."""
    return asyncio.run(_check(sources(settings, {}), data))


async def capabilities(reading: Mapping[str, Source]) -> list[Capability]:
    """What each of `reading` finds, all asked at once; closes them."""
    try:
        return await asyncio.gather(*(_patiently(source) for source in reading.values()))
    finally:
        await asyncio.gather(*(source.close() for source in reading.values()))


async def _patiently(source: Source) -> Capability:
    try:
        async with asyncio.timeout(_PROBE_S):
            return await cast("Probed", source).probe()
    except TimeoutError:
        return Capability(source.name, "hung", f"No answer for {_PROBE_S:g} s.")


async def _check(reading: Mapping[str, Source], data: Path) -> list[Capability]:
    try:
        around = Surroundings(LocalShell(), data, SystemClock(), _MADE)
        return await check_machine([_Keyed(*one) for one in reading.items()], around)
    finally:
        await asyncio.gather(*(source.close() for source in reading.values()))


@dataclass(slots=True)
class _Keyed:
    """A source under its position key, which names its host."""

    name: str
    source: Source

    async def probe(self) -> Capability:
        """What the source finds."""
        return replace(await cast("Probed", self.source).probe(), name=self.name)
