"""What people call expected while watching goes on is held back from then on."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.live import recorded
from tests.live.test_loop import Tape, Watch

from boxwatch.clock import ManualClock
from boxwatch.detections import Kind
from boxwatch.incidents import Opinion
from boxwatch.pulse import REGISTRY
from boxwatch.store import EventStore, StateStore


def unusual(incidents) -> list:
    """The statistical findings about the processor of the host with the storm."""
    return [
        found
        for one in incidents
        for found in one.detections
        if found.kind is Kind.UNUSUAL and found.host == "simbox" and found.entity == "host"
    ]


def test_what_was_labelled_expected_opens_nothing_again(tmp_path, recording, undisturbed):
    """The same storm on the same level; what else was found is found as ever."""
    storm = next(one for one in undisturbed.incidents.values() if unusual([one]))
    began = recording.truths[0].start
    folder = tmp_path / "data"
    EventStore.open(folder, writable=True).close()
    with StateStore.open(folder, clock=ManualClock(began)) as state:
        state.note([storm])
        state.give_label(storm.id, Opinion.EXPECTED, "ann", until=began + timedelta(days=1))
    turns = recording.turns(60)
    with Watch(folder) as watch:
        watch.run(Tape(turns))
        found = [one for one in watch.state.incidents() if one.label is None]
    assert not unusual(found)
    others = [one for one in recorded.by_start(undisturbed.incidents.values()) if one != storm]
    assert {one.title for one in others} <= {one.title for one in found}


def test_a_running_watcher_shows_the_last_check_for_drift(tmp_path, recording):
    """Of which kind it was, how urgent, how many features moved; the next turn after it."""
    report = {"version": "v3", "kind": "data drift", "priority": "P1", "moved": [{}, {}]}
    with Watch(tmp_path / "data") as watch:
        watch.state.keep_drift(json.dumps(report))
        watch.run(Tape(recording.turns(60, until_s=120)))
    assert REGISTRY.value("boxwatch_drift", "data drift") == 1
    assert REGISTRY.value("boxwatch_drift", "model decay") == 0
    assert REGISTRY.value("boxwatch_drift_priority") == 1
    assert REGISTRY.value("boxwatch_drift_features_moved") == 2
