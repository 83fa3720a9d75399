import dataclasses
import io
import json
import os
import resource
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.errors import StoreError
from boxwatch.incidents.incident import Cause, Incident, State
from boxwatch.sinks import ConsoleSink, JsonlSink, MemorySink

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def incident(**changes):
    """An open incident about a hot GPU."""
    found = Detection(
        host="box",
        entity="gpu:0",
        start=START,
        end=START,
        open=True,
        kind=Kind.KNOWN,
        name="gpu-thermal",
        severity=Severity.HIGH,
        reasons=(Reason("fan 12 % where 61 % is usual"),),
    )
    first = Incident(
        id="a1",
        host="box",
        entity="gpu:0",
        start=START,
        end=START + timedelta(minutes=3, seconds=20),
        state=State.OPEN,
        severity=Severity.HIGH,
        title="GPU 0 slowed by heat",
        causes=(Cause("its fan fails", 0.8, "the fan is slow though it is hot"),),
        action="Look at the fan.",
        detections=(found,),
    )
    return dataclasses.replace(first, **changes)


@pytest.fixture
def screen():
    """What a console that is no terminal shows."""
    return io.StringIO()


@pytest.fixture
def sink(screen):
    """A console sink that writes to the screen."""
    return ConsoleSink(Console(file=screen, width=200))


def test_console_says_what_why_and_what_to_do(sink, screen):
    """An opened incident shows its title, where, the first cause, the action and the id."""
    sink.write([incident()])
    shown = screen.getvalue()
    for part in ("HIGH", "OPENED", "GPU 0 slowed by heat", "box gpu:0", "its fan fails"):
        assert part in shown
    assert "Look at the fan." in shown
    assert "boxwatch incidents show a1" in shown


def test_console_keeps_quiet_about_growth(sink, screen):
    """The same incident, only longer, prints nothing again."""
    sink.write([incident()])
    before = screen.getvalue()
    sink.write([incident(end=START + timedelta(hours=1))])
    assert screen.getvalue() == before


def test_console_tells_when_it_worsens(sink, screen):
    """A higher severity is one more line."""
    sink.write([incident()])
    sink.write([incident(severity=Severity.CRITICAL)])
    assert "CRITICAL  NOW" in screen.getvalue()


def test_console_tells_when_it_ends(sink, screen):
    """The end says how long it took."""
    sink.write([incident(state=State.RESOLVED)])
    assert "RESOLVED" in screen.getvalue()
    assert "after 3 m 20 s" in screen.getvalue()


def test_console_has_no_colours_in_files(sink, screen):
    """Where the output is no terminal there is no escape sequence."""
    sink.write([incident()])
    assert "\x1b" not in screen.getvalue()


def test_console_never_passes_control_characters_on(screen):
    """A log line quoted in a title cannot drive the terminal or break the line."""
    ConsoleSink(Console(file=screen, width=200)).write([incident(title="a\x1b[31m\nb [bold]c")])
    assert "a [31m b [bold]c" in screen.getvalue()


def test_jsonl_appends_one_object_a_line(tmp_path):
    """Every incident is a line with its evidence, times in UTC."""
    path = tmp_path / "out" / "incidents.jsonl"
    for state in (State.OPEN, State.RESOLVED):
        sink = JsonlSink(path)
        sink.write([incident(state=state)])
        sink.close()
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["state"], second["state"]) == ("open", "resolved")
    assert first["start"] == "2026-03-01T12:00:00Z"
    assert first["detections"][0]["reasons"][0]["text"].startswith("fan 12 %")


def test_jsonl_holds_until_the_flush(tmp_path):
    """Nothing is on disk before `flush`, everything after."""
    path = tmp_path / "incidents.jsonl"
    sink = JsonlSink(path)
    sink.write([incident()])
    assert path.read_bytes() == b""
    sink.flush()
    assert path.read_bytes().endswith(b"}\n")
    sink.close()


def test_jsonl_ends_a_torn_line(tmp_path):
    """A line cut short by a crash stays alone and spoils no other."""
    path = tmp_path / "incidents.jsonl"
    path.write_bytes(b'{"id": "cut')
    sink = JsonlSink(path)
    sink.write([incident()])
    sink.close()
    torn, whole = path.read_text().splitlines()
    assert torn == '{"id": "cut'
    assert json.loads(whole)["id"] == "a1"


def test_jsonl_names_a_folder_it_may_not_use(tmp_path):
    """A path below a file is an environment fault that names it."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"incidents\.jsonl"):
        JsonlSink(tmp_path / "file" / "incidents.jsonl")


def test_jsonl_keeps_what_it_could_not_write(tmp_path):
    """When the file may not grow, no half line stays; the next flush writes it all."""
    path = tmp_path / "incidents.jsonl"
    sink = JsonlSink(path)
    sink.write([incident()])
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    pid = os.fork()
    if pid == 0:  # the limit and its failure stay in a process of their own
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
        try:
            sink.flush()
        except StoreError:
            os._exit(0 if path.stat().st_size == 0 else 3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    sink.close()
    assert json.loads(path.read_text())["id"] == "a1"


def test_memory_keeps_the_newest_of_each():
    """Writing an incident again replaces it."""
    sink = MemorySink()
    sink.write([incident(), incident(id="b2")])
    sink.write([incident(state=State.RESOLVED)])
    sink.flush()
    sink.close()
    assert [(one.id, one.state) for one in sink.incidents] == [("a1", "resolved"), ("b2", "open")]
    assert (sink.writes, sink.closed) == (2, True)
