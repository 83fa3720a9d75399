"""`boxwatch up`: watch this machine until told to stop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from boxwatch import wiring
from boxwatch.cli.findings import FailOn, counted, listing, status_of
from boxwatch.cli.options import For
from boxwatch.cli.session import open_session
from boxwatch.clock import monotonic
from boxwatch.live import Status
from boxwatch.pulse import REGISTRY, Registry
from boxwatch.sinks import ConsoleSink, MemorySink, Sink, StreamSink
from boxwatch.units import print_count, print_duration, print_lasted


def up(
    ctx: typer.Context,
    for_: For = None,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve /metrics for Prometheus here.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Watch a recording in place of this machine."),
    ] = None,
    fail_on: FailOn = None,
) -> int:
    """Watch this machine: learn what is normal, then say what is not.

    Incidents are printed as they open and close. Ctrl-C or SIGTERM stops; the next start goes on
    where this one stopped. With --json, every change of an incident is one JSON object a line.
    """
    session = open_session(ctx, {"service.metrics_port": metrics_port})
    settings = session.settings
    minutes = settings.data_collection.collection_duration_minutes
    limit = for_ if for_ is not None or minutes is None else minutes * 60
    seen = MemorySink()
    shown: Sink = StreamSink(sys.stdout.buffer) if session.as_json else ConsoleSink(session.console)
    words = None
    if not session.as_json:
        words = Words(session.notes, session.data, limit, begin=not session.console.is_terminal)
    with nullcontext() if session.as_json else status_line(session.console):
        status = wiring.watch(
            settings,
            session.data,
            for_seconds=limit,
            metrics_port=settings.service.metrics_port,
            replay=replay,
            sinks=[shown, seen],
            tell=words,
        )
    if words is not None:
        words.end(len(seen.incidents), listing(settings))
    return status if status != 0 else status_of(seen.incidents, fail_on)


class Words:
    """Says on standard error that watching began, when it began to judge, and what came of it.

    The beginning is for whoever sends the output to a file: there is no status line, and silence
    would look like health from the first second. The end is for everybody.
    """

    def __init__(
        self, notes: Console, data: Path, limit_s: float | None = None, *, begin: bool = True
    ) -> None:
        self._notes = notes
        self._data = data
        self._limit_s = limit_s
        self._begin = begin
        self._began: datetime | None = None
        self._now: datetime | None = None
        self._learning = False
        self._judged = False
        self._champion: str | None = None

    def __call__(self, status: Status) -> None:
        """Take the status after a turn; the first one shows that the sources and the store work."""
        if self._began is None:
            self._began = status.now
            how_long = "" if self._limit_s is None else f" for {print_duration(self._limit_s)}"
            self._say(f"Watching{how_long}, into {self._data}. Ctrl-C stops.")
        if self._learning and status.learning_left_s is None:
            self._say("Learned what is normal; judging from now on.")
        if status.champion is not None and status.champion != self._champion:
            self._say(f"{status.champion} of the models judges from now on.")
        self._champion = status.champion
        self._learning = status.learning_left_s is not None
        self._judged = self._judged or status.strangest is not None
        self._now = status.now

    def _say(self, text: str) -> None:
        if self._begin:
            self._notes.print(text, soft_wrap=True)

    def end(self, incidents: int, listing: str) -> None:
        """Say how long it watched and what it found; `listing` is the command that shows it."""
        if self._began is None or self._now is None:
            self._notes.print("Stopped before the first readings; the next start goes on here.")
            return
        lasted = print_lasted(self._now - self._began)
        if incidents:
            found = f"{counted(incidents)}. Next: {listing}"
        elif self._learning:
            found = "it only learned what is normal here, and the next start goes on learning."
        elif not self._judged:
            found = "too short to judge anything. The next start goes on here."
        else:
            found = "nothing unusual."
        self._notes.print(f"Watched {lasted}: {found}", soft_wrap=True)


@contextmanager
def status_line(console: Console) -> Iterator[None]:
    """One line at the bottom of a terminal that tells how watching goes, once a second."""
    if not console.is_terminal:
        yield
        return
    began = monotonic()

    def line() -> Text:
        return status_text(REGISTRY, monotonic() - began)

    with Live(get_renderable=line, console=console, refresh_per_second=1, transient=True):
        yield


def status_text(registry: Registry, elapsed_s: float) -> Text:
    """How watching goes, from our own metrics; what is not known yet is left out."""
    remaining = registry.value("boxwatch_baseline_remaining_seconds")
    parts = [f"watching for {print_duration(round(elapsed_s))}"]
    if remaining is not None:
        parts = [f"learning what is normal, {print_duration(round(remaining))} left"]
    champion = registry.value("boxwatch_champion_version")
    if champion is not None:
        parts.append(f"models v{champion:.0f}")
    parts.append(f"{print_count(registry.total('boxwatch_events_total'))} records")
    for part in ("cpu", "memory", "disk"):
        percent = registry.value(f"system_{part}_usage_percent")
        if percent is not None:
            parts.append(f"{part} {percent:.0f} %")
    forgotten = registry.total("boxwatch_templates_forgotten_total")
    if forgotten:
        parts.append(f"{print_count(forgotten)} kinds of line forgotten")
    opened = round(registry.total("boxwatch_incidents_open"))
    parts.append("no open incident" if opened == 0 else f"{opened} open")
    return Text(" · ".join(parts), "dim" if opened == 0 else "yellow", no_wrap=True)
