"""When a long run ends: on Ctrl-C, on SIGTERM, or after so long."""

from __future__ import annotations

import asyncio
import signal


def told_to_stop(for_seconds: float | None) -> asyncio.Event:
    """An event that is set by SIGINT, by SIGTERM, or `for_seconds` from now (None = never)."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.set)
    if for_seconds is not None:
        running.call_later(for_seconds, stop.set)
    return stop
