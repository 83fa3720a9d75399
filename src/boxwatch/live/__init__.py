"""Watching: the pipeline, the feeds that give it turns, and the loop that drives it."""

from boxwatch.live.clocks import OFFSET, Clocks, in_our_time
from boxwatch.live.driving import once_there_is_room
from boxwatch.live.feed import Feed, LiveFeed, ReplayFeed, Turn
from boxwatch.live.known_templates import vocabulary
from boxwatch.live.loop import Loop, LoopOptions, Status, take_up
from boxwatch.live.pipeline import Options, Outcome, Pipeline
from boxwatch.live.recorder import Recorder
from boxwatch.live.shadow import STAGE as SHADOW_STAGE
from boxwatch.live.succession import Succession, Version

__all__ = [
    "OFFSET",
    "SHADOW_STAGE",
    "Clocks",
    "Feed",
    "LiveFeed",
    "Loop",
    "LoopOptions",
    "Options",
    "Outcome",
    "Pipeline",
    "Recorder",
    "ReplayFeed",
    "Status",
    "Succession",
    "Turn",
    "Version",
    "in_our_time",
    "once_there_is_room",
    "take_up",
    "vocabulary",
]
