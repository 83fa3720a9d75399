"""`boxwatch up`: watch this machine until told to stop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from boxwatch import units, wiring
from boxwatch.cli.findings import FailOn, status_of
from boxwatch.cli.options import For
from boxwatch.cli.session import open_session
from boxwatch.clock import monotonic
from boxwatch.live import Status
from boxwatch.pulse import REGISTRY, Registry
from boxwatch.sinks import ConsoleSink, MemorySink, Sink, StreamSink


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
    quiet = session.as_json or session.console.is_terminal
    words = None if quiet else Words(session.notes, session.data)
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
    return status if status != 0 else status_of(seen.incidents, fail_on)


class Words:
    """Says on standard error that watching began, and when it began to judge.

    For whoever sends the output to a file: there is no status line, and silence would look like
    health from the first second.
    """

    def __init__(self, notes: Console, data: Path) -> None:
        self._notes = notes
        self._data = data
        self._began = False
        self._learning = False

    def __call__(self, status: Status) -> None:
        """Take the status after a turn; the first one shows that the sources and the store work."""
        if not self._began:
            self._notes.print(f"Watching, into {self._data}. Ctrl-C stops.", soft_wrap=True)
            self._began = True
        if self._learning and status.learning_left_s is None:
            self._notes.print("Learned what is normal; judging from now on.", soft_wrap=True)
        self._learning = status.learning_left_s is not None


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
    parts = [f"watching for {units.print_duration(round(elapsed_s))}"]
    if remaining is not None:
        parts = [f"learning what is normal, {units.print_duration(round(remaining))} left"]
    parts.append(f"{units.print_count(registry.total('boxwatch_events_total'))} records")
    for part in ("cpu", "memory", "disk"):
        percent = registry.value(f"system_{part}_usage_percent")
        if percent is not None:
            parts.append(f"{part} {percent:.0f} %")
    forgotten = registry.total("boxwatch_templates_forgotten_total")
    if forgotten:
        parts.append(f"{units.print_count(forgotten)} kinds of line forgotten")
    opened = round(registry.total("boxwatch_incidents_open"))
    parts.append("no open incident" if opened == 0 else f"{opened} open")
    return Text(" · ".join(parts), "dim" if opened == 0 else "yellow", no_wrap=True)
