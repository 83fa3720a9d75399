"""Incidents of a data folder: listed, marked, reported with their evidence."""

from __future__ import annotations

from pathlib import Path

from boxwatch.incidents import Incident, State
from boxwatch.reports import Evidence, html, load, markdown, wanted
from boxwatch.settings import Settings
from boxwatch.store import EventStore, StateStore
from boxwatch.wiring.damage import tell_damage


def incidents(settings: Settings, data: Path) -> list[Incident]:  # noqa: ARG001 - one door for all
    """All incidents of `data`, by start."""
    with StateStore.open(data) as state:
        return state.incidents()


def mark(settings: Settings, data: Path, name: str, state: State) -> Incident:  # noqa: ARG001
    """Say what a person thinks of the incident with the id `name`; returns it as it then is."""
    with StateStore.open(data) as store:
        return store.set_state(name, state)


def evidence(data: Path, incident: Incident) -> Evidence:
    """The log lines and curves of `incident`, from the store."""
    want = wanted(incident)
    with EventStore.open(data, writable=False) as store:
        logs = store.logs(want.start, want.end, want.host).collect()
        samples = store.samples(want.start, want.end, want.host).collect()
        tell_damage(store)
    return load(want, logs, samples)


def report(settings: Settings, data: Path, incident: Incident, form: str) -> str:  # noqa: ARG001
    """The report of one incident, as "markdown" or "html"."""
    shown = evidence(data, incident)
    if form == "markdown":
        return markdown(incident, shown)
    return html([incident], {incident.id: shown}, title=incident.title)
