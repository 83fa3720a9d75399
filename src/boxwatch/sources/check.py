"""What this machine offers and what stands in the way: the lines of `boxwatch check`."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from boxwatch.clock import Clock
from boxwatch.errors import SourceError
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import stamp
from boxwatch.sources.source import Shell

_WATCHED_S: Final = 0.5  # how long the two clocks are compared
_DRIFT_S: Final = 0.05  # a clock that is being slewed moves by at most 0.05 % (adjtimex(2))
_ROOM_BYTES: Final = 1 << 30
_ROOM_SHARE: Final = 0.02
_NTP: Final = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


class Probed(Protocol):
    """Anything that says what this machine offers it: every source."""

    name: str

    async def probe(self) -> Capability:
        """What is there, refused or missing; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is checked besides the sources.

    `data` is the folder for records; `built` is when this version was made: no true clock shows
    an earlier time.
    """

    shell: Shell
    data: Path
    clock: Clock
    built: datetime


async def check_machine(
    probed: Sequence[Probed], around: Surroundings, limit_s: float = 10.0
) -> list[Capability]:
    """A capability for each of `probed`, the clock and the data folder, in this order.

    All are asked at once; one that does not answer within `limit_s` is hung.
    """
    probes = [_within_limit(each, limit_s) for each in probed]
    return [
        *await asyncio.gather(*probes, check_clock(around.clock, around.built, around.shell)),
        check_room(around.data),
    ]


async def check_clock(clock: Clock, built: datetime, shell: Shell) -> Capability:
    """Whether the wall clock can be right: not before `built`, steady, and synchronised."""
    now = clock.now()
    if now < built:
        reason = f"The clock says {stamp(now)}, before this version was made ({stamp(built)})."
        return Capability("clock", "failing", reason, "Set it: `sudo timedatectl set-ntp true`.")
    wall, steady = time.time(), time.monotonic()
    await asyncio.sleep(_WATCHED_S)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    if abs(drift) > _DRIFT_S:
        reason = f"The wall clock jumped by {drift:+.3f} s within {_WATCHED_S:g} s."
        return Capability(
            "clock", "failing", reason, "Something sets the clock; see `timedatectl`."
        )
    synchronised = await _synchronised(shell)
    if synchronised == "no":
        reason = "The clock is steady but not synchronised by NTP."
        return Capability("clock", "failing", reason, "Run `sudo timedatectl set-ntp true`.")
    words = {"yes": "synchronised by NTP"}.get(synchronised, "NTP state unknown")
    return Capability("clock", "ok", f"Steady; {words}.")


def check_room(data: Path) -> Capability:
    """Whether the data folder can be written and has room for days of records."""
    folder = data.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{folder} is no folder that this user may write to."
        return Capability("data folder", "denied", reason, "Choose another one with --data.")
    usage = shutil.disk_usage(folder)
    said = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.1f} GiB free in {folder}."
    if usage.free < _ROOM_BYTES or usage.free < _ROOM_SHARE * usage.total:
        return Capability("data folder", "failing", said, "Make room, or choose another --data.")
    return Capability("data folder", "ok", said)


async def _within_limit(probed: Probed, limit_s: float) -> Capability:
    try:
        async with asyncio.timeout(limit_s):
            return await probed.probe()
    except TimeoutError:
        return Capability(probed.name, "hung", f"No answer for {limit_s:g} s.")


async def _synchronised(shell: Shell) -> str:
    """yes, no, or nothing where timedatectl is missing or cannot tell."""
    try:
        done = await shell.run(_NTP, limit_s=3)
    except SourceError:
        return ""
    return done.stdout.decode("ascii", "replace").strip() if done.status == 0 else ""
