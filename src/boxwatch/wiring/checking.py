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

_MADE: Final = datetime(2026, 11, 1, tzinfo=UTC)  # no true clock shows an earlier time than this


def check(settings: Settings, data: Path) -> list[Capability]:
    """A line for each source that is switched on, on every host, the clock, and the data folder."""
    return asyncio.run(_check(sources(settings, {}), data))


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
