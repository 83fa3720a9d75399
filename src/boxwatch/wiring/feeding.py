"""Settings -> the feed of this moment."""

from __future__ import annotations

from collections.abc import Mapping

from boxwatch.clock import SystemClock
from boxwatch.events import normalise
from boxwatch.live import LiveFeed
from boxwatch.settings import Settings
from boxwatch.wiring.reading import sources


def live_feed(settings: Settings, positions: Mapping[str, Mapping[str, object]]) -> LiveFeed:
    """All sources that are switched on, each standing where `positions` says."""
    return LiveFeed(
        sources(settings, positions),
        normalise,
        SystemClock(),
        settings.live.batch_seconds,
        positions,
        lateness_s=settings.live.lateness_seconds,
    )
