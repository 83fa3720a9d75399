"""What commands say at their end: how long, what was found, and what to do next."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from boxwatch.bench.demo import DemoResult
from boxwatch.bench.stress import Load
from boxwatch.cli import stress
from boxwatch.cli.border import run
from boxwatch.cli.demo import _several
from boxwatch.cli.demo import _show as show_demo
from boxwatch.cli.incidents import _show
from boxwatch.cli.stress import expected_of
from boxwatch.cli.up import Words
from boxwatch.detections import Detection, Kind, Reason, Severity
from boxwatch.incidents import Cause, Incident, State
from boxwatch.live import Status
from boxwatch.reports import Line
from boxwatch.store import EventStore, StateStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAK = {"fault": "leak", "start": START, "severity": "high", "host": "box", "entity": "host"} | {
    "title": "box: memory falls",
    "why": "a leak",
    "action": "Look.",
}


def incident(name, lasted, state=State.RESOLVED):
    """One incident that lasted so long, of a container that died three times."""
    what = (Kind.KNOWN, "container-died", Severity.HIGH, (Reason("container die exitCode=1"),))
    found = Detection("box", "service:api", START, START, False, *what)
    causes = (Cause("it fails at its start", 0.8, "seen"),)
    which = (name, "box", "service:api", START, START + lasted, state, Severity.HIGH)
    return Incident(*which, "api died", causes, "Read its log.", (found,) * 3)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a moment, a quarter of an hour and a false alarm."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "boxwatch-data"
    EventStore.open(folder, writable=True).close()
    with StateStore.open(folder) as state:
        told = [
            incident("aa11", timedelta(microseconds=17)),
            incident("bb22", timedelta(minutes=15, seconds=57)),
            incident("cc33", timedelta(seconds=5), State.FALSE_ALARM),
        ]
        state.note(told)
    return folder


def said(capsys, *arguments):
    """What a command prints for a person."""
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "words"), [("aa11", "< 1 s"), ("bb22", "15 m 57 s")])
def test_how_long_it_lasted_is_said_in_the_same_words(data, capsys, name, words):
    """In the list, on the screen and in both reports."""
    assert words in said(capsys, "incidents", "list")
    assert words in said(capsys, "incidents", "show", name)
    assert words in said(capsys, "incidents", "report", name)
    page = said(capsys, "incidents", "report", name, "--format", "html")
    assert words.replace("<", "&lt;") in page


def test_the_same_reason_is_shown_once(data, capsys):
    """With how often."""
    shown = said(capsys, "incidents", "show", "bb22")
    assert shown.count("container die exitCode=1") == 1
    assert "container die exitCode=1 (3 times)" in shown


def test_lines_of_findings_are_marked_and_jumps_are_shown():
    """As in the report."""
    screen = io.StringIO()
    told = [
        Line("12:00:00", "api", "before", around=True),
        Line("12:00:01", "api", "failed"),
        Line("13:00:00", "api", "much later", around=True, jump=True),
    ]
    _show(Console(file=screen, width=200), incident("aa11", timedelta(0)), told)
    assert screen.getvalue().splitlines()[-4:] == [
        "  12:00:00 api: before",
        "> 12:00:01 api: failed",
        "  ...",
        "  13:00:00 api: much later",
    ]


@pytest.mark.parametrize("given", ["false alarm", "false_alarm", "false-alarm", "False Alarm"])
def test_a_state_is_taken_as_it_is_printed(data, capsys, given):
    """And as JSON has it."""
    found = json.loads(said(capsys, "incidents", "list", "--state", given, "--json"))
    assert [one["id"] for one in found] == ["cc33"]


def test_a_state_that_is_none_is_refused(data, capsys):
    """With those that are."""
    assert run(["incidents", "list", "--state", "shut"]) == 2
    assert "false_alarm" in capsys.readouterr().err


def test_repairing_a_sound_folder_says_that_it_is_sound(data, capsys):
    """Not what would have been lost; programs get the whole report."""
    assert said(capsys, "repair") == "Nothing is damaged.\n"
    assert json.loads(said(capsys, "repair", "--json"))["lost"] == []


def test_what_holds_nothing_is_left_out(data, capsys):
    """No file was skipped, so none is spoken of; counts stay, also of nothing."""
    (data / "ingested").mkdir(exist_ok=True)
    shown = said(capsys, "normalize")
    assert "rows" in shown
    assert not {"quarantined", "skipped", "waiting"} & set(shown.split())


def test_judging_ends_with_the_next_step(data, capsys):
    """In the folder that was named."""
    assert run(["detect"]) == 0
    assert "Next: boxwatch incidents list" in capsys.readouterr().err
    assert run(["detect", "--data", str(data)]) == 0
    told = capsys.readouterr().err
    assert f"Next: boxwatch --data {data} incidents list" in told


def watched(incidents, *statuses, limit_s=None, begin=True):
    """What is said of a run with these (strangest, learning left) after its turns, 80 s apart."""
    screen = io.StringIO()
    words = Words(Console(file=screen, width=200), Path("data"), limit_s, begin=begin)
    for number, (strangest, left) in enumerate(statuses):
        words(Status(START + timedelta(seconds=80 * number), 1, 0, strangest, left))
    words.end(incidents, "boxwatch incidents list")
    return screen.getvalue()


JUDGED, LEARNING, SILENT = (0.5, None), (None, 20.0), (None, None)


@pytest.mark.parametrize(
    ("incidents", "turns", "says"),
    [
        (0, (JUDGED, JUDGED), "Watched 1 m 20 s: nothing unusual."),
        (2, (JUDGED, JUDGED), "Watched 1 m 20 s: 2 incidents. Next: boxwatch incidents list"),
        (1, (LEARNING, LEARNING), "Watched 1 m 20 s: 1 incident. Next: boxwatch incidents list"),
        (0, (LEARNING, LEARNING), "it only learned what is normal here"),
        (0, (SILENT, SILENT), "too short to judge anything"),
        (0, (), "Stopped before the first readings"),
    ],
)
def test_watching_ends_with_what_it_found(incidents, turns, says):
    """Nothing, so many incidents, or that it only learned."""
    assert says in watched(incidents, *turns)


def test_watching_a_recording_says_how_it_ended(data, capsys, tmp_path):
    """The command says it, on standard error; one without a record has nothing to tell."""
    assert run(["up", "--replay", str(data), "--data", str(tmp_path / "new")]) == 0
    assert "Stopped before the first readings" in capsys.readouterr().err


def test_watching_begins_with_how_long():
    """Where it is known; a terminal has its status line for that."""
    assert "Watching for 1 m 20 s, into data." in watched(0, JUDGED, limit_s=80.0)
    assert "Watching, into data." in watched(0, JUDGED)
    assert "Watching" not in watched(0, JUDGED, begin=False)


def demo_of(*faults):
    """The result of a demo whose incidents tell of these faults, all of them found."""
    told = [{"fault": fault} for fault in faults]
    count = len(set(faults) - {None})
    return DemoResult(True, 1, count, count, [], faults.count(None), told, 1.0, "demo.html")


def test_a_demo_says_why_there_are_more_incidents_than_faults():
    """A fault may show in several places."""
    assert _several(demo_of("leak", "flood", "leak", None)) == (
        "3 incidents for 2 faults: more than one incident each for leak."
    )
    assert _several(demo_of("leak", "flood")) == "2 incidents for 2 faults."


def test_a_demo_ends_with_both_counts():
    """What was found, and in how many incidents."""
    screen = io.StringIO()
    result = replace(demo_of("leak", "leak"), incidents=[LEAK, LEAK])
    show_demo(Console(file=screen, width=100), result)
    assert "Found 1 of 1 faults" in screen.getvalue()
    assert "2 incidents for 1 fault: more than one incident each for leak." in screen.getvalue()


@pytest.mark.parametrize(
    ("load", "seconds", "share", "told"),
    [
        (Load.CPU, 20.0, 1.0, True),
        (Load.CPU, 5.0, 1.0, False),
        (Load.CPU, 20.0, 0.5, False),
        (Load.MEMORY, 60.0, 1.0, False),
    ],
)
def test_a_load_says_what_to_look_for(load, seconds, share, told):
    """Only where an incident is promised."""
    assert (expected_of(load, seconds, share) is not None) is told


def test_the_command_says_what_to_look_for(tmp_path, monkeypatch, capsys):
    """At its end, on standard error."""
    monkeypatch.setattr(stress, "SEEN_AFTER", 0.5)
    assert run(["stress", "cpu", "--for", "1s", "--data", str(tmp_path)]) == 0
    assert "should have shown an incident" in capsys.readouterr().err
