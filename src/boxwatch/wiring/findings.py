"""Incidents of a data folder: listed, marked, reported with their evidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from boxwatch.clock import SystemClock
from boxwatch.detections import expectation
from boxwatch.events import Events
from boxwatch.incidents import Incident, Opinion, State
from boxwatch.live import OFFSET, Clocks, in_our_time
from boxwatch.reports import Evidence, Wanted, html, load, markdown, wanted
from boxwatch.store import EventStore, StateStore
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.person import person


@dataclass(frozen=True, slots=True)
class Selection:
    """Which incidents: in a state, seen at or after `since`, of one or more hosts, the newest."""

    state: State | None = None
    since: datetime | None = None
    host: str | Collection[str] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An incident and its label; `still_told` are findings that an expectation holds not back."""

    incident: Incident
    still_told: tuple[str, ...]


def incidents(data: Path, of: Selection | None = None) -> list[Incident]:
    """The incidents of `data` that `of` selects, by start; without it all of them."""
    of = Selection() if of is None else of
    with StateStore.open(data) as state:
        return state.incidents(of.state, of.since, of.host, of.limit)


def incident(data: Path, name: str) -> Incident:
    """The incident with the id `name`, or the only one whose id begins so.

    Raises:
        UsageError: none, or several.

    """
    with StateStore.open(data) as state:
        return state.incident(name)


def mark(data: Path, name: str, state: State) -> Incident:
    """Say what a person thinks of the incident with the id `name`; returns it as it then is."""
    with StateStore.open(data) as store:
        return store.set_state(name, state)


def label(data: Path, name: str, opinion: Opinion | None, note: str, for_s: float) -> Labelled:
    """Write down what the caller says an incident was, or with None that nothing is said.

    Args:
        data: The data folder.
        name: The incident's id, or the start of it.
        opinion: What it was.
        note: Why, for those who read it later.
        for_s: How long an expected thing is expected, in seconds from now.

    Raises:
        UsageError: no incident, or several, have that id; names the nearest.
    """
    expected = opinion is Opinion.EXPECTED
    until = SystemClock().now() + timedelta(seconds=for_s) if expected else None
    with StateStore.open(data) as store:
        given = store.give_label(name, opinion, person(), note, until)
    kept = [one.name for one in given.detections if expectation(one, given.end, given.end) is None]
    return Labelled(given, tuple(dict.fromkeys(kept)) if expected else ())


def evidence(data: Path, incident: Incident) -> Evidence:
    """The log lines and curves of `incident`, from the store, in the time of the watcher.

    The records of a host whose clock is wrong are looked for where its own clock put them.
    """
    want = wanted(incident)
    with EventStore.open(data, writable=False) as store:
        offset = _clock_offset(store, want)
        aside = timedelta(seconds=offset)
        start, end = min(want.start, want.start + aside), max(want.end, want.end + aside)
        events = Events(
            store.logs(start, end, want.host).collect(),
            store.samples(start, end, want.host).collect(),
        )
        tell_damage(store)
    if offset:
        events = in_our_time(events, {want.host: offset})
    return load(want, events.logs, events.samples)


def _clock_offset(store: EventStore, want: Wanted) -> float:
    """Seconds by which the clock of the host was wrong at that time; 0 where it was right."""
    found = store.samples(want.start, want.end, want.host).filter(pl.col("metric") == OFFSET)
    clocks = Clocks()
    clocks.measure(found.sort("time").collect())
    return clocks.offsets.get(want.host, 0.0)


def report(data: Path, incident: Incident, form: str) -> str:
    """The report of one incident, as "markdown" or "html"."""
    shown = evidence(data, incident)
    if form == "markdown":
        return markdown(incident, shown)
    return html([incident], {incident.id: shown}, title=incident.title)
