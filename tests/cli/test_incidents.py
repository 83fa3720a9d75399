import json
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.cli.border import run
from boxwatch.detections import Detection, Kind, Reason, Severity
from boxwatch.incidents import Cause, Incident, State
from boxwatch.store import EventStore, StateStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def incident(name, severity, state):
    """One incident about a hot GPU."""
    found = Detection(
        host="box",
        entity="gpu:0",
        start=START,
        end=START,
        open=False,
        kind=Kind.KNOWN,
        name="gpu-thermal",
        severity=severity,
        reasons=(Reason("fan 12 % where 61 % is usual"),),
    )
    return Incident(
        id=name,
        host="box",
        entity="gpu:0",
        start=START,
        end=START + timedelta(minutes=3),
        state=state,
        severity=severity,
        title=f"GPU 0 slowed by heat ({name})",
        causes=(Cause("its fan fails", 0.8, "slow though hot"),),
        action="Look at the fan.",
        detections=(found,),
    )


@pytest.fixture(autouse=True)
def _data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "boxwatch-data"
    EventStore.open(data, writable=True).close()
    with StateStore.open(data) as state:
        state.checkpoint(
            0,
            {},
            [
                incident("aa11", Severity.HIGH, State.RESOLVED),
                incident("ab22", Severity.LOW, State.OPEN),
            ],
        )


def answer(capsys, *arguments, status=0):
    """What `boxwatch incidents` prints as JSON."""
    assert run(["incidents", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_incidents_are_listed(capsys):
    """All of them, and with --state only those."""
    assert {one["id"] for one in answer(capsys, "list")} == {"aa11", "ab22"}
    assert [one["id"] for one in answer(capsys, "list", "--state", "open")] == ["ab22"]


def test_the_list_is_readable(capsys):
    """A person sees when, where, how bad and what."""
    assert run(["incidents", "list"]) == 0
    shown = capsys.readouterr().out
    for text in ("aa11", "3 m", "box", "gpu:0", "high", "resolved"):
        assert text in shown


def test_a_list_fails_only_when_asked(capsys):
    """--fail-on makes the status 1 when one is bad enough."""
    answer(capsys, "list", "--fail-on", "high", status=1)
    answer(capsys, "list", "--fail-on", "critical", status=0)


def test_one_is_shown_by_the_start_of_its_id(capsys):
    """As much of the id as is needed; cause, action and evidence are there."""
    assert run(["incidents", "show", "aa"]) == 0
    shown = capsys.readouterr().out
    for text in ("GPU 0 slowed by heat", "its fan fails", "Look at the fan.", "fan 12 %"):
        assert text in shown


@pytest.mark.parametrize(("given", "says"), [("a", "2 incidents begin"), ("zz", "No incident")])
def test_an_id_must_mean_one(capsys, given, says):
    """Too little of an id, or one that is none, is refused with the next step."""
    assert run(["incidents", "show", given]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "boxwatch incidents list" in told


@pytest.mark.parametrize(
    ("command", "state"), [("ack", "acknowledged"), ("false-alarm", "false_alarm")]
)
def test_a_person_has_the_last_word(capsys, command, state):
    """What a person says of an incident is kept."""
    assert answer(capsys, command, "ab22")["state"] == state
    assert answer(capsys, "show", "ab22")["state"] == state


@pytest.mark.parametrize(("form", "begins"), [("markdown", "#"), ("html", "<!")])
def test_a_report_is_written(tmp_path, form, begins):
    """The report goes to the file asked for, in the form asked for."""
    out = tmp_path / "report"
    assert run(["incidents", "report", "aa11", "--format", form, "--out", str(out)]) == 0
    text = out.read_text()
    assert text.lower().startswith(begins)
    assert "GPU 0 slowed by heat" in text
