"""What a line means."""

import io
import json

import pytest

from boxwatch.cli.border import run
from boxwatch.detections.known import RULES, matching

XID = "NVRM: Xid (PCI:0000:41:00): 79, pid=1234, name=python3, GPU has fallen off the bus."


def told(capsys, *line):
    """The meaning of a line as JSON."""
    assert run(["explain", *line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "[12345.678901] ",
        "Nov 21 14:00:01 gpu1 kernel: ",
        "Nov 21 14:00:01 gpu1 kernel: [12345.678901] ",
        "2026-11-21T14:00:01.123456+01:00 gpu1 kernel: ",
        "<3>",
    ],
)
def test_a_line_is_known_with_any_head(capsys, head):
    """As dmesg, journalctl or syslog print it."""
    known = told(capsys, head + XID)["known"]
    assert "xid-79" in [rule["id"] for rule in known]
    assert all(rule["action"] and rule["source"] for rule in known)


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.examples], ids=lambda r: r.id)
def test_every_example_is_explained_by_its_rule(rule):
    """Each rule with an example recognises it on its own."""
    for example in rule.examples:
        assert any(found.id.startswith(rule.id) for found in matching(example))


def test_an_ordinary_line_is_no_failure(capsys):
    """It says so, and shows the kind of line."""
    assert run(["explain", "listening on 127.0.0.1:8080"]) == 0
    shown = capsys.readouterr().out
    assert "No known failure" in shown
    assert "listening on <*>" in shown


def test_lines_can_come_by_standard_input(capsys, monkeypatch):
    """One meaning for each line that is not blank."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{XID}\n\nhello\n"))
    assert [bool(one["known"]) for one in told(capsys, "-")] == [True, False]


@pytest.mark.parametrize("given", [[], [""], ["  "]])
def test_nothing_is_no_line(capsys, given):
    """An empty line is refused with the next step."""
    assert run(["explain", *given]) == 2
    assert "standard input" in capsys.readouterr().err
