"""Times that a person gives: so long ago, a date, a time of day."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Final

import typer

from boxwatch import units
from boxwatch.clock import SystemClock

HELP: Final = 'so long ago ("1h"), a date or a time ("2026-03-01", "2026-03-01 14:30", "14:30")'
_DATE: Final = re.compile(r"\d{8}")  # as a number of seconds it would be months


def instant(text: str) -> datetime:
    """A time option, in UTC. What names no time zone is of the machine's own.

    A usage error says what is allowed.
    """
    given = text.strip()
    now = SystemClock().now()
    if not _DATE.fullmatch(given):
        with suppress(ValueError, OverflowError):
            return now - timedelta(seconds=units.duration(given))
    for read in (datetime.fromisoformat, _today):
        with suppress(ValueError, OverflowError):
            found = read(given)
            local = found if found.tzinfo is not None else found.astimezone()
            return local.astimezone(now.tzinfo)
    raise typer.BadParameter(f"{text!r} is no time; allowed: {HELP}.")


def _today(text: str) -> datetime:
    return datetime.combine(SystemClock().now().astimezone().date(), time.fromisoformat(text))
