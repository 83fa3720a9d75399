import dataclasses
import io
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from rich.console import Console

from boxwatch.bench import BenchResult, at_least, at_most, measured, this_machine
from boxwatch.bench.demo import DemoResult
from boxwatch.cli.bench import _row
from boxwatch.cli.demo import _show as show_demo
from boxwatch.cli.findings import status_of
from boxwatch.cli.printing import cell, label, show
from boxwatch.cli.session import Session
from boxwatch.cli.up import status_text
from boxwatch.detections import Severity
from boxwatch.incidents import Incident, State
from boxwatch.pulse import (
    BaselineRunning,
    BatchStored,
    HostRead,
    IncidentsCounted,
    Registry,
    TemplatesKept,
    emit,
)
from boxwatch.settings import load

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Colour(StrEnum):
    """Any enumeration."""

    RED = "red"


@dataclasses.dataclass(frozen=True)
class Part:
    """One row of a report."""

    name: str
    elapsed_s: float


@dataclasses.dataclass(frozen=True)
class Report:
    """A report as commands print them."""

    rows: int
    size_bytes: int
    share_ratio: float
    at: datetime
    colour: Colour
    path: Path
    reason: str | None
    parts: list[Part]


REPORT = Report(1234, 2**30, 0.5, NOW, Colour.RED, Path("a/b"), None, [Part("read", 200.0)])


def printed(result, *, as_json=False):
    """What `show` writes for `result`."""
    screen = io.StringIO()
    console = Console(file=screen, width=100)
    show(Session(load(environ={}), Path(), as_json, console, console), result)
    return screen.getvalue()


def test_a_report_is_readable():
    """Values carry their units, rows become a table, unknown is said."""
    shown = printed(REPORT)
    for text in ("1,234", "1.0 GiB", "50 %", "red", "a/b", "unknown", "3 m 20 s", "elapsed"):
        assert text in shown
    assert "_" not in shown


def test_a_report_is_json_for_programs():
    """JSON has every field by its own name; instants are RFC 3339."""
    record = json.loads(printed(REPORT, as_json=True))
    assert record["size_bytes"] == 2**30
    assert record["at"] == "2026-03-01T12:00:00Z"
    assert record["colour"] == "red"
    assert record["parts"] == [{"name": "read", "elapsed_s": 200.0}]
    assert record["reason"] is None


def test_rows_are_a_table():
    """A list of records has one line each; no records are told as none."""
    shown = printed([Part("a", 1.0), Part("b", 2.0)])
    assert [line.split()[0] for line in shown.splitlines() if "s" in line][-2:] == ["a", "b"]
    assert printed([]) == "none\n"


def test_the_demo_in_a_pipe_has_whole_lines_and_no_wide_table():
    """However long an action is, it can be copied from one line."""
    told = dict.fromkeys(("host", "entity", "severity", "title", "why", "fault"), "x")
    told |= {"start": NOW, "action": "do " * 100}
    screen = io.StringIO()
    result = DemoResult(True, 1, 1, 1, [], 0, [told], 1.0, "demo.html")
    show_demo(Console(file=screen, width=100_000), result)
    assert f"  Do:  {told['action']}\n" in screen.getvalue()


def test_markup_in_values_is_only_text():
    """A value with brackets is printed as it is."""
    assert "[bold]x[/bold]" in printed([Part("[bold]x[/bold]", 1.0)])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("up", True, "yes"),
        ("", {"cpu": 0.5}, "cpu 0.5"),
        ("", ("a", 2), "a, 2"),
        ("", [], ""),
        ("lasted_seconds", 90, "1 m 30 s"),
    ],
)
def test_cells(name, value, text):
    """Each type has its way to be read."""
    assert cell(name, value).plain == text


def test_labels_leave_the_unit_to_the_value():
    """The unit is in the value, so the name does without."""
    assert [label(one) for one in ("elapsed_s", "free_bytes", "s")] == ["elapsed", "free", "s"]


def test_the_status_line_while_learning():
    """Before the first models, it says how long it will still learn."""
    registry = Registry()
    emit(BaselineRunning(20.0), registry)
    assert status_text(registry, 10).plain.startswith("learning what is normal, 20 s left")


def test_the_status_line_while_watching():
    """It says how long, how much, how busy and what is open; never what is not known."""
    registry = Registry()
    emit(BatchStored(1, {"gpu": 1200, "host": 34}, {}, 0.1), registry)
    emit(HostRead("box", 0.12, None, 0.5), registry)
    emit(IncidentsCounted({"high": 2, "low": 0}), registry)
    assert status_text(registry, 200).plain == (
        "watching for 3 m 20 s · 1,234 records · cpu 12 % · disk 50 % · 2 open"
    )


def test_forgotten_kinds_of_line_are_in_the_status_line():
    """More kinds than are remembered: a person sees that, without looking for it."""
    registry = Registry()
    emit(TemplatesKept(texts=50_000, forgotten=1200), registry)
    assert "1,200 kinds of line forgotten" in status_text(registry, 200).plain


def incident(severity, state=State.OPEN):
    """An incident of some severity."""
    return Incident("a", "box", "host", NOW, NOW, state, severity, "", (), "", ())


@pytest.mark.parametrize(
    ("incidents", "fail_on", "status"),
    [
        ([incident(Severity.HIGH)], None, 0),
        ([incident(Severity.HIGH)], Severity.MEDIUM, 1),
        ([incident(Severity.LOW)], Severity.MEDIUM, 0),
        ([incident(Severity.CRITICAL, State.FALSE_ALARM)], Severity.LOW, 0),
        ([], Severity.INFO, 0),
    ],
)
def test_findings_fail_only_when_asked(incidents, fail_on, status):
    """The exit status is 1 for incidents bad enough, false alarms apart."""
    assert status_of(incidents, fail_on) == status


def test_a_figure_knows_whether_its_target_is_met():
    """Larger or smaller is better as the figure says; the ratio is to the peer of the same run."""
    fast = at_least("lines", 310_000.0, "lines/s", 300_000, ("polars 2.1.0", 620_000.0))
    assert (fast.met, fast.ratio) == (True, 0.5)
    assert at_most("memory", 300.0, "MB", 250).met is False
    assert measured("rows", 5.0, "rows").met is None


def test_a_bench_fails_when_one_target_is_missed():
    """Figures without a target do not count."""
    machine = this_machine()
    met, missed = at_least("a", 2, "x", 1), at_most("b", 2, "x", 1)
    assert BenchResult("spine", machine, (met, measured("c", 1, "x"))).met
    assert not BenchResult("spine", machine, (met, missed)).met


def test_a_missed_target_is_seen():
    """The row says so in letters, not by colour alone."""
    assert _row(at_most("b", 2, "x", 1))[""].plain == "MISSED"
