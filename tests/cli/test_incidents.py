import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

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


def test_incidents_are_listed_by_the_labels_of_their_hosts(capsys, tmp_path):
    """As the settings say now; together with --host, both must hold."""
    hosts = "".join(
        f'[[hosts]]\nname = "{name}"\naddress = "ssh://me@{name}"\nlabels = {{rack = "{rack}"}}\n'
        for name, rack in (("box", 7), ("other", 8))
    )
    (tmp_path / "boxwatch.toml").write_text(hosts)
    assert len(answer(capsys, "list", "--label", "rack=7")) == 2
    assert answer(capsys, "list", "--label", "rack=8") == []
    assert answer(capsys, "list", "--label", "rack=7", "--host", "other") == []


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


def test_findings_stay_findings_when_the_reader_leaves():
    """`incidents list --fail-on low | head -0` fails as it does without a pipe."""
    for severity, status in (("low", 1), ("critical", 0)):
        with subprocess.Popen(
            [sys.executable, "-m", "boxwatch", "incidents", "list", "--fail-on", severity],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == status


def test_a_report_that_cannot_be_written_says_where_and_what_to_do(capsys):
    """No error numbers of the system: the file, the reason and the next step."""
    assert run(["incidents", "report", "aa11", "--out", "absent/x.md"]) == 3
    told = capsys.readouterr().err
    assert "cannot be written to 'absent/x.md': No such file or directory." in told
    assert "a folder that exists" in told
    assert "Errno" not in told


def test_one_is_shown_by_the_start_of_its_id(capsys):
    """As much of the id as is needed; cause, action and evidence are there."""
    assert run(["incidents", "show", "aa"]) == 0
    shown = capsys.readouterr().out
    for text in ("GPU 0 slowed by heat", "its fan fails", "Look at the fan.", "fan 12 %"):
        assert text in shown


@pytest.mark.parametrize(("given", "says"), [("a", "begins several"), ("zz", "There is no")])
def test_an_id_must_mean_one(capsys, given, says):
    """Too little of an id, or one that is none, is refused with the next step."""
    assert run(["incidents", "show", given]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "boxwatch incidents list" in told or "more of the id" in told


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


def test_the_newest_are_listed_first_when_limited(capsys):
    """--limit keeps the newest; the order stays."""
    assert len(answer(capsys, "list", "--limit", "1")) == 1
    assert len(answer(capsys, "list", "--limit", "2")) == 2


def test_a_long_table_is_cut_and_says_so(capsys):
    """Thousands of incidents do not run over the terminal; JSON has them all."""
    with StateStore.open(Path("boxwatch-data")) as state:
        state.checkpoint(
            1, {}, [incident(f"c{n:04d}", Severity.LOW, State.RESOLVED) for n in range(150)]
        )
    assert run(["incidents", "list"]) == 0
    shown = capsys.readouterr()
    assert "--limit" in shown.err
    assert len({*re.findall(r"c\d{4}", shown.out)}) == 100
    assert len(answer(capsys, "list")) == 152


def test_incidents_of_another_host_or_time_are_left_out(capsys):
    """--host and --since narrow the list."""
    assert answer(capsys, "list", "--host", "elsewhere") == []
    assert answer(capsys, "list", "--since", "1s") == []


def test_a_time_without_incidents_says_when_the_newest_was(capsys):
    """Of the host and the state that were asked for; where there is none at all, nothing."""
    assert run(["incidents", "list", "--since", "1s"]) == 0
    assert "The newest is of 2026-03-01 12:00:00 UTC." in capsys.readouterr().err
    assert run(["incidents", "list", "--since", "1s", "--host", "elsewhere"]) == 0
    assert "newest" not in capsys.readouterr().err


def test_a_verdict_says_what_it_replaces_and_can_be_taken_back(capsys):
    """A second verdict tells the first; reopening gives the incident back to the machine."""
    assert run(["incidents", "false-alarm", "aa"]) == 0
    assert run(["incidents", "ack", "aa"]) == 0
    assert "was false alarm and is now acknowledged" in capsys.readouterr().out
    assert answer(capsys, "reopen", "aa")["state"] == "open"


def test_a_report_for_programs_is_json(capsys):
    """With --json the incident and its evidence are one object."""
    found = answer(capsys, "report", "aa11")
    assert found["incident"]["id"] == "aa11"
    assert found["lines"] == []


@pytest.mark.parametrize("opinion", ["real", "false", "expected"])
def test_a_label_is_given_shown_and_taken_back(capsys, opinion):
    """In the list, in the incident with its note, in the report; `none` takes it back."""
    given = answer(capsys, "label", "aa", opinion, "--note", "a load test")["incident"]["label"]
    assert (given["opinion"], given["note"]) == (opinion, "a load test")
    for command in (["list"], ["show", "aa"], ["report", "aa"], ["report", "aa", "--format=html"]):
        assert run(["incidents", *command]) == 0
        assert opinion in capsys.readouterr().out
    assert answer(capsys, "label", "aa", "none")["incident"]["label"] is None
    assert answer(capsys, "show", "aa")["label"] is None


def test_what_an_expectation_does_not_hold_back_is_said(capsys):
    """A known failure is told as ever, whatever somebody expects."""
    assert answer(capsys, "label", "aa", "expected")["still_told"] == ["gpu-thermal"]
    assert run(["incidents", "label", "aa", "expected", "--for", "1h"]) == 0
    assert "gpu-thermal" in capsys.readouterr().err


def test_a_label_for_no_incident_names_the_nearest(capsys):
    """A slip of the finger is told with the ids that are close to it."""
    assert run(["incidents", "label", "aa12", "real"]) == 2
    assert "aa11" in capsys.readouterr().err
