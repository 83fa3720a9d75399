"""`boxwatch learn`: looks now and then, at low priority, until told to stop; and what it did."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Final

from boxwatch import pulse
from boxwatch.errors import BoxwatchError
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.store import Layout, Lesson, Lessons
from boxwatch.wiring.detector_task import TASK
from boxwatch.wiring.learning import Learner

_NICE: Final = 10  # so that watching goes first

Tell = Callable[[Lesson | None, str], None]


def learn_once(
    settings: Settings, data: Path, asked: str | None, progress: Progress
) -> tuple[Lesson | None, str]:
    """Look once; the step, if there was a reason for one, else what is waited for.

    Raises:
        StoreLocked: another process learns there.
    """
    os.nice(_NICE)
    with closing(Learner(settings, data)) as learner:
        lesson = learner.look(asked, progress)
        return lesson, learner.waits_for


def learn(settings: Settings, data: Path, every_s: float, tell: Tell) -> None:
    """Look every `every_s` until SIGINT or SIGTERM, which end a training too: nothing is harmed.

    `tell` hears of each step, or with None what is waited for.

    Raises:
        StoreLocked: another process learns there.
    """
    os.nice(_NICE)
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with closing(Learner(settings, data)) as learner:
            while not stop.is_set():
                try:
                    lesson = learner.look()
                    tell(lesson, learner.waits_for)
                except BoxwatchError as error:  # a full device, a locked database: it comes again
                    pulse.emit(pulse.PartFailed(part="learn", error=str(error)))
                stop.wait(every_s)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def lessons(data: Path, limit: int = -1) -> list[Lesson]:
    """What learning did and why, the newest first.

    Raises:
        StoreError: nothing was learned there yet.
    """
    with closing(Lessons.open(Layout(data).models, TASK, writable=False)) as found:
        return found.told(limit)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
