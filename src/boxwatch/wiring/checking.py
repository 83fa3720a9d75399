"""`check`: what this machine offers to Boxwatch."""

from __future__ import annotations

import asyncio
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
    """A line for each source that is switched on, the clock, and the data folder."""
    return asyncio.run(_check(sources(settings, {}), data))


async def _check(reading: list[Source], data: Path) -> list[Capability]:
    probed = cast("list[Probed]", reading)
    try:
        around = Surroundings(LocalShell(), data, SystemClock(), _MADE)
        return await check_machine(probed, around)
    finally:
        await asyncio.gather(*(source.close() for source in reading))
