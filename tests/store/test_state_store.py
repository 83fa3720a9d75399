"""Checkpoints and incidents: one transaction, a full round trip, and a person's word stands."""

from dataclasses import replace
from datetime import timedelta

import pytest

from boxwatch.clock import ManualClock
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.errors import StoreError, UsageError
from boxwatch.incidents.incident import Cause, Incident, State
from boxwatch.store import Checkpoint, StateStore


@pytest.fixture
def incident(noon):
    """An incident that uses every field."""
    finding = Detection(
        host="box",
        entity="gpu:0",
        start=noon,
        end=noon + timedelta(microseconds=1),
        open=True,
        kind=Kind.KNOWN,
        name="gpu-fell-off-bus",
        severity=Severity.CRITICAL,
        reasons=(
            Reason("Xid 79 ü", event_id=2**64 - 1),
            Reason("fan 12 %", "gpu:0", "fan_speed_ratio", share=0.1),
        ),
        p_value=1e-300,
        model_version="abc",
    )
    return Incident(
        id="a1b2",
        host="box",
        entity="gpu:0",
        start=noon,
        end=noon + timedelta(minutes=5),
        state=State.OPEN,
        severity=Severity.CRITICAL,
        title="GPU 0 fell off the bus",
        causes=(Cause("power", 0.7, "brake"), Cause("seat", 0.2, "")),
        action="Reboot.",
        detections=(finding, replace(finding, reasons=(), p_value=None)),
    )


@pytest.fixture
def state(store, root, noon):
    """The state of a data folder that another connection writes at the same time."""
    with StateStore.open(root, clock=ManualClock(noon + timedelta(hours=1))) as opened:
        yield opened


def test_an_incident_comes_back_whole(state, incident):
    """Causes, detections and reasons survive to the last field."""
    state.checkpoint(1, {}, [incident])
    assert state.incidents() == [incident]


def test_a_checkpoint_comes_back(state):
    """Number and stages are those of the last checkpoint, and only those."""
    assert state.load_checkpoint() is None
    state.checkpoint(3, {"windows": b"\x00\xff", "old": b"1"})
    state.checkpoint(9, {"windows": b"2"})
    assert state.load_checkpoint() == Checkpoint(9, {"windows": b"2"})


def test_a_checkpoint_without_stages_is_one(state):
    """A pipeline without state still knows where it is."""
    state.checkpoint(4, {})
    assert state.load_checkpoint() == Checkpoint(4, {})


def test_a_checkpoint_that_fails_changes_nothing(state, incident):
    """Stages, number and incidents become true together or not at all."""
    state.checkpoint(1, {"a": b"1"}, [incident])
    grown = replace(incident, title="other")
    with pytest.raises(StoreError):
        state.checkpoint(2, {"a": b"2", "b": None}, [grown])
    assert state.load_checkpoint() == Checkpoint(1, {"a": b"1"})
    assert state.incidents() == [incident]


def test_an_incident_that_grew_replaces_itself(state, incident):
    """The same id is the same incident."""
    state.checkpoint(1, {}, [incident])
    grown = replace(incident, end=incident.end + timedelta(hours=1), state=State.RESOLVED)
    state.checkpoint(2, {}, [grown])
    assert state.incidents() == [grown]


def test_incidents_by_state_time_and_host(state, incident, noon):
    """Each filter leaves out what it should; the order is by start."""
    later = replace(
        incident, id="c3", host="other", start=noon + timedelta(hours=2),
        end=noon + timedelta(hours=3), state=State.RESOLVED,
    )  # fmt: skip
    state.checkpoint(1, {}, [later, incident])
    assert state.incidents() == [incident, later]
    assert state.incidents(state=State.RESOLVED) == [later]
    assert state.incidents(since=incident.end) == [incident, later]
    assert state.incidents(since=incident.end + timedelta(seconds=1)) == [later]
    assert state.incidents(host="box") == [incident]


def test_an_incident_by_the_beginning_of_its_id(state, incident):
    """A unique beginning is enough; a whole id wins over a longer one."""
    longer = replace(incident, id="a1b2c3")
    state.checkpoint(1, {}, [incident, longer])
    assert state.incident("a1b2") == incident
    assert state.incident("a1b2c") == longer
    with pytest.raises(UsageError, match="a1b2, a1b2c3"):
        state.incident("a1")


@pytest.mark.parametrize("name", ["zz", "", "%", "_1b2", "a1b2x"])
def test_no_incident_of_that_name(state, incident, name):
    """What names no incident is said to be none; wildcards are plain letters."""
    state.checkpoint(1, {}, [incident])
    with pytest.raises(UsageError, match="There is no incident"):
        state.incident(name)


@pytest.mark.parametrize("verdict", [State.ACKNOWLEDGED, State.FALSE_ALARM])
def test_a_persons_word_survives_the_machine(state, incident, verdict):
    """Later upserts grow the incident but do not change what a person said."""
    state.checkpoint(1, {}, [incident])
    state.set_state("a1", verdict, "known")
    grown = replace(incident, end=incident.end + timedelta(hours=1), state=State.RESOLVED)
    state.checkpoint(2, {}, [grown])
    assert state.incident("a1") == replace(grown, state=verdict)
    assert state.incidents(state=verdict) == [replace(grown, state=verdict)]


def test_a_person_can_give_an_incident_back(state, incident):
    """After `open` or `resolved` the machine's word counts again."""
    state.checkpoint(1, {}, [incident])
    state.set_state("a1", State.FALSE_ALARM)
    assert state.set_state("a1", State.OPEN).state is State.OPEN
    state.checkpoint(2, {}, [replace(incident, state=State.RESOLVED)])
    assert state.incident("a1").state is State.RESOLVED


def test_the_history_tells_who_changed_what(state, incident, noon):
    """Each change of state has its time, its author and the person's note."""
    state.checkpoint(1, {}, [incident])
    state.checkpoint(2, {}, [incident])
    state.set_state("a1", State.ACKNOWLEDGED, "on it")
    state.checkpoint(3, {}, [replace(incident, state=State.RESOLVED)])
    changes = [(change.at, change.state, change.by, change.note) for change in state.history("a1")]
    assert changes == [
        (noon, State.OPEN, "machine", ""),
        (noon + timedelta(hours=1), State.ACKNOWLEDGED, "person", "on it"),
        (incident.end, State.RESOLVED, "machine", ""),
    ]


def test_the_state_outlives_the_process(state, root, incident):
    """Another connection reads what was written."""
    state.checkpoint(7, {"a": b"1"}, [incident])
    state.close()
    with StateStore.open(root) as again:
        assert again.incidents() == [incident]
        assert again.load_checkpoint() == Checkpoint(7, {"a": b"1"})


def test_there_is_no_state_without_a_data_folder(tmp_path):
    """Asking for incidents does not make a folder out of a typing mistake."""
    with pytest.raises(StoreError, match="no data folder"):
        StateStore.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
