"""Settings -> a running watcher: sources or a recording, store, pipeline, sinks, loop."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from boxwatch.detections.logs import Learning
from boxwatch.errors import UsageError
from boxwatch.live import (
    Feed,
    Loop,
    LoopOptions,
    Options,
    Pipeline,
    ReplayFeed,
    Status,
)
from boxwatch.pulse import Progress
from boxwatch.settings import Settings
from boxwatch.sinks import MetricsEndpoint, Sink
from boxwatch.store import EventStore, Layout, StateStore
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.feeding import live_feed
from boxwatch.wiring.reports import DetectReport
from boxwatch.wiring.rule_settings import rule_changes
from boxwatch.wiring.stopping import told_to_stop
from boxwatch.wiring.succession import challengers, champion, champions

Tell = Callable[[Status], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """How long to watch, and who hears how it goes."""

    for_seconds: float | None
    tell: Tell | None


def pipeline(settings: Settings, data: Path, *, models: bool = True) -> Pipeline:
    """A pipeline as the settings want it, with the `models` in use in `data`, or without.

    Raises:
        ModelError: one was trained by another version of Boxwatch; says what to do.
        StoreError: one is not there, or is not what was saved.
    """
    options = Options(
        interval_s=settings.data_collection.interval_seconds,
        baseline_s=settings.data_collection.baseline_duration_seconds,
        false_alarms_per_host_week=settings.detections.false_alarms_per_host_week,
        seed=settings.models.seed,
        courses=settings.models.courses,
        keep_champions=settings.models.retrain_every is not None,
        lateness_s=settings.live.lateness_seconds,
        masks=settings.logs.own_masks(),
        rules=rule_changes(settings),
        learning=Learning(
            age_s=60 * settings.detections.learning_minutes,
            lines=settings.detections.learning_lines,
            windows=settings.detections.learning_windows,
            cases=settings.detections.learning_cases,
        ),
    )
    version = champion(Layout(data).models) if models else None
    return Pipeline(options, None if version is None else version.models)


@contextmanager
def opened(
    settings: Settings, data: Path, sinks: Sequence[Sink], *, succession: bool = False
) -> Iterator[tuple[EventStore, Loop]]:
    """The store of `data`, and a loop over it that stands where the last one stopped.

    The champion judges what was not judged yet; with `succession`, it takes over after what the
    checkpoint does not cover, and so does every later one.
    """
    with EventStore.open(data, writable=True) as store, StateStore.open(data) as state:
        options = LoopOptions(
            checkpoint_s=settings.live.checkpoint_seconds,
            retention_days=math.ceil(settings.data.retention_days),
            retention_bytes=settings.data.retention_size,
        )
        judge = pipeline(settings, data, models=not succession)
        roles = [one(Layout(data).models) for one in (champions, challengers) if succession]
        yield store, Loop(store, state, judge, sinks, options, *roles)


def watch(  # noqa: PLR0913 - three of them are what a person chose for this run
    settings: Settings,
    data: Path,
    *,
    for_seconds: float | None,
    metrics_port: int | None,
    replay: Path | None,
    sinks: Sequence[Sink],
    tell: Tell | None = None,
) -> int:
    """Watch until told to stop; 0 when it stopped as it should.

    Args:
        settings: What a person set.
        data: The data folder.
        for_seconds: Stop after so long; None = on Ctrl-C or SIGTERM.
        metrics_port: Serve /metrics there; None = not.
        replay: A recording (data folder) to watch in place of this machine.
        sinks: Where incidents go; closed at the end.
        tell: Hears after every turn how watching goes.
    """
    if replay is not None and replay.resolve() == data.resolve():
        raise UsageError(
            f"The recording {str(replay)!r} is the data folder itself.",
            hint="Name another data folder with --data.",
        )
    with ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        if metrics_port is not None:
            endpoint = MetricsEndpoint(
                settings.service.metrics_host, metrics_port, settings.metrics_token()
            )
            stack.callback(endpoint.close)
        store, loop = stack.enter_context(opened(settings, data, sinks, succession=True))
        recording = None
        if replay is not None:
            recording = stack.enter_context(EventStore.open(replay, writable=False))
        asyncio.run(_run(settings, store, loop, recording, _Run(for_seconds, tell)))
        tell_damage(store if recording is None else recording)
    return 0


async def _run(
    settings: Settings,
    store: EventStore,
    loop: Loop,
    recording: EventStore | None,
    run: _Run,
) -> None:
    stop = told_to_stop(run.for_seconds)
    for _ in loop.recovering():
        await asyncio.sleep(0)  # a long recovery can be stopped, and goes on at the next start
        if stop.is_set():
            loop.checkpoint()
            return
    positions = store.head().positions
    feed: Feed = (
        live_feed(settings, positions) if recording is None else ReplayFeed(recording, positions)
    )
    await loop.run(feed, stop, run.tell)


def detect(settings: Settings, data: Path, progress: Progress) -> DetectReport:
    """Judge every stored batch that has not been judged yet."""
    EventStore.open(data, writable=False).close()  # a folder that is not there is not made
    with opened(settings, data, ()) as (store, loop):
        head = store.head().seq
        judged = loop.recover(lambda seq: progress("judging", seq, head))
        tell_damage(store)
        return DetectReport(batches=judged, incidents=loop.incidents_stored())


def replay(
    settings: Settings,
    recording: Path,
    into: Path,
    progress: Progress,
    *,
    with_models: bool = False,
) -> DetectReport:
    """Run the recording `recording` through again from its beginning, into a new data folder.

    With `with_models`, the models that were trained in the recording's folder go along and judge
    from the beginning, as they do when it is watched; without, what is normal is learned anew.
    """
    if into.exists() and any(into.iterdir()):
        raise UsageError(
            f"The folder {str(into)!r} is not empty.", hint="Name a new one with --into."
        )
    with ExitStack() as stack:
        source = stack.enter_context(EventStore.open(recording, writable=False))
        models = Layout(recording).models
        if with_models and models.is_dir():
            shutil.copytree(models, Layout(into).models)
        store, loop = stack.enter_context(opened(settings, into, ()))
        total = source.head().seq
        batches = 0

        def tell(_: object) -> None:
            nonlocal batches
            batches += 1
            progress("replaying", batches, total)

        asyncio.run(loop.run(ReplayFeed(source, store.head().positions), asyncio.Event(), tell))
        tell_damage(source)
        return DetectReport(batches=batches, incidents=loop.incidents_stored())
